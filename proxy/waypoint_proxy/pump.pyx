# cython: language_level=3, boundscheck=False, wraparound=False
"""Bytes both ways between pairs of connected sockets, on a thread of its own that never needs the interpreter.

One recv and one send a chunk. What a side does not take at once is the only thing that is ever held back, and while
it is, the other side is not read.

Thread and interpreter share a pair's joint under its lock. One that is done leaves epoll first and is freed between
two batches of events, since the batch under way may still name it.
"""

import fcntl
import os
import threading
from typing import NamedTuple

from cython cimport no_gc_clear
from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport abort, calloc, free, malloc
from libc.string cimport memcpy
from posix.stdlib cimport posix_memalign
from posix.unistd cimport close, read, write

from waypoint_proxy.linux cimport (
    EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, EPOLLIN, EPOLLOUT, MSG_NOSIGNAL,
    epoll_create1, epoll_ctl, epoll_event, epoll_wait,
    pthread_mutex_destroy, pthread_mutex_init, pthread_mutex_lock, pthread_mutex_t, pthread_mutex_unlock,
    recv, send,
)
from waypoint_proxy.place cimport Place, between, follow

cdef enum:
    BUFFER = 256 * 1024
    PAGE = 4096
    EVENTS = 64
    NEWS = 1024 * 1024

cdef enum Left:
    NOBODY
    CLIENT
    BROWSER
    STOPPED

cdef struct Pipe:
    # One direction. What is held has been received, and not been taken yet.
    Joint* joint
    int source
    int sink
    bint reading
    uint32_t watched
    Place place
    uint8_t* held
    size_t begin
    size_t end

cdef struct Joint:
    # What thread and interpreter share of a pair.
    pthread_mutex_t lock
    Engine* engine
    uint64_t number
    Pipe up
    Pipe down
    Left left
    Joint* next

cdef struct Engine:
    # What they share of the pump. The buffer is the thread's alone.
    int epoll
    int news
    uint8_t* buffer
    pthread_mutex_t lock
    Joint* retired


cdef Pipe* opposite(Pipe* pipe) noexcept nogil:
    return &pipe.joint.down if pipe == &pipe.joint.up else &pipe.joint.up


cdef void watch(Pipe* pipe) noexcept nogil:
    """Have epoll tell what is of use now: that the pipe's source can be read, or written for the opposite pipe."""
    cdef epoll_event event
    event.data.ptr = pipe
    event.events = EPOLLIN if pipe.reading and not pipe.held else 0
    if opposite(pipe).held and not pipe.joint.left:
        event.events |= EPOLLOUT
    if event.events == pipe.watched:
        return
    # With nothing to wait for it has to leave: a hang-up is told without being asked for, again and again.
    operation = EPOLL_CTL_DEL if not event.events else EPOLL_CTL_MOD if pipe.watched else EPOLL_CTL_ADD
    if epoll_ctl(pipe.joint.engine.epoll, operation, pipe.source, &event) == 0 or not event.events:
        pipe.watched = event.events
    else:
        broke(pipe, True)  # nobody would ever hear of it again


cdef void watch_both(Joint* joint) noexcept nogil:
    watch(&joint.up)
    watch(&joint.down)


cdef void finish(Joint* joint, Left left) noexcept nogil:
    """Nothing moves any more; what is held for the client stays."""
    joint.left = left
    joint.up.reading = joint.down.reading = False
    watch_both(joint)


cdef void drop(Pipe* pipe) noexcept nogil:
    free(pipe.held)
    pipe.held = NULL


cdef void broke(Pipe* pipe, bint at_source) noexcept nogil:
    """The source has come to its end, or the sink takes nothing any more."""
    cdef Joint* joint = pipe.joint
    if pipe == &joint.up and not at_source:
        # A browser that takes no more bytes may have sent some: its own end is yet to be read.
        drop(pipe)
        pipe.reading = False
        watch_both(joint)
    elif not joint.left:
        finish(joint, BROWSER if pipe == &joint.down and at_source else CLIENT)
        # The news of as many pairs as a process can have fit into the kernel's pipe.
        write(joint.engine.news, &joint.number, sizeof(joint.number))


cdef void hold(Pipe* pipe, const uint8_t* data, size_t size) noexcept nogil:
    """After what is held already."""
    cdef size_t before = pipe.end - pipe.begin if pipe.held else 0
    cdef uint8_t* held = <uint8_t*>malloc(before + size)
    if not held:
        broke(pipe, False)
        return
    if before:
        memcpy(held, pipe.held + pipe.begin, before)
    memcpy(held + before, data, size)
    drop(pipe)
    pipe.held, pipe.begin, pipe.end = held, 0, before + size
    watch_both(pipe.joint)


cdef void deliver(Pipe* pipe, const uint8_t* data, size_t size) noexcept nogil:
    """To the sink, after what is held."""
    cdef ssize_t sent = 0 if pipe.held else send(pipe.sink, data, size, MSG_NOSIGNAL)
    if sent < 0:
        if errno != EAGAIN and errno != EINTR:
            broke(pipe, False)
            return
        sent = 0
    if <size_t>sent < size:
        hold(pipe, data + sent, size - sent)


cdef void push(Pipe* pipe, const uint8_t* data, size_t size) noexcept nogil:
    """As if the source had sent it."""
    if size:
        follow(&pipe.place, data, size)
        deliver(pipe, data, size)


cdef void relieve(Pipe* pipe) noexcept nogil:
    """The sink takes bytes again."""
    cdef ssize_t sent = send(pipe.sink, pipe.held + pipe.begin, pipe.end - pipe.begin, MSG_NOSIGNAL)
    if sent >= 0:
        pipe.begin += sent
        if pipe.begin == pipe.end:
            drop(pipe)
            watch_both(pipe.joint)
    elif errno != EAGAIN and errno != EINTR:
        broke(pipe, False)


cdef void move(Pipe* pipe) noexcept nogil:
    """The source has something."""
    cdef uint8_t* buffer = pipe.joint.engine.buffer
    cdef ssize_t size = recv(pipe.source, buffer, BUFFER, 0)
    if size > 0:
        push(pipe, buffer, size)
    elif size == 0 or (errno != EAGAIN and errno != EINTR):
        broke(pipe, True)


cdef void serve(Pipe* pipe, uint32_t events) noexcept nogil:
    """The pipe's source can be read or written, or is broken."""
    cdef Joint* joint = pipe.joint
    cdef Pipe* other = opposite(pipe)
    pthread_mutex_lock(&joint.lock)
    if other.held and not joint.left and events & ~EPOLLIN:
        relieve(other)
    if pipe.reading and not pipe.held and events & ~EPOLLOUT:
        move(pipe)
    pthread_mutex_unlock(&joint.lock)


cdef void bury(Engine* engine) noexcept nogil:
    """Free what was retired."""
    cdef Joint* joint
    cdef Joint* next
    pthread_mutex_lock(&engine.lock)
    joint, engine.retired = engine.retired, NULL
    pthread_mutex_unlock(&engine.lock)
    while joint:
        next = joint.next
        drop(&joint.up)
        drop(&joint.down)
        pthread_mutex_destroy(&joint.lock)
        free(joint)
        joint = next


cdef void run(Engine* engine) noexcept nogil:
    """Serve until an event comes without a pipe."""
    cdef epoll_event events[EVENTS]
    cdef int at, count
    cdef bint running = True
    while running:
        count = epoll_wait(engine.epoll, events, EVENTS, -1)
        if count < 0 and errno != EINTR:
            abort()  # a descriptor that is none: better no proxy than one that moves nothing
        for at in range(count):
            if events[at].data.ptr:
                serve(<Pipe*>events[at].data.ptr, events[at].events)
            else:
                running = False
        bury(engine)


cdef class Pump:
    """The thread, running inside a `with` block; `fileno` can be read when there is something to `announce`."""

    cdef Engine* engine
    cdef dict waiting
    cdef uint64_t born
    cdef int news
    cdef int wake
    cdef object thread

    def __cinit__(self):
        cdef epoll_event event
        self.news = self.wake = -1
        self.waiting = {}
        self.engine = <Engine*>calloc(1, sizeof(Engine))
        if not self.engine:
            raise MemoryError
        self.engine.epoll = self.engine.news = -1
        pthread_mutex_init(&self.engine.lock, NULL)
        self.engine.epoll = epoll_create1(EPOLL_CLOEXEC)
        if self.engine.epoll < 0:
            raise OSError(errno, os.strerror(errno))
        # It begins on a page: 16 bytes further on, the kernel's copies took half as long again.
        if posix_memalign(<void**>&self.engine.buffer, PAGE, BUFFER):
            raise MemoryError
        self.news, self.engine.news = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.fcntl(self.news, fcntl.F_SETPIPE_SZ, NEWS)
        self.wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        event.events, event.data.ptr = EPOLLIN, NULL
        epoll_ctl(self.engine.epoll, EPOLL_CTL_ADD, self.wake, &event)

    def __dealloc__(self):
        if not self.engine:
            return
        bury(self.engine)
        for fd in (self.engine.epoll, self.engine.news, self.news, self.wake):
            close(fd)
        pthread_mutex_destroy(&self.engine.lock)
        free(self.engine.buffer)
        free(self.engine)

    def __enter__(self):
        self.thread = threading.Thread(target=self._run, name="pump", daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        os.eventfd_write(self.wake, 1)
        self.thread.join()
        os.eventfd_read(self.wake)

    def _run(self):
        with nogil:
            run(self.engine)

    def fileno(self):
        """A descriptor for a loop to wait on."""
        return self.news

    def announce(self):
        """Call those that wait for a side to leave; each hears of it once."""
        cdef uint64_t numbers[512]
        cdef ssize_t at, size = read(self.news, numbers, sizeof(numbers))
        for at in range(size // <ssize_t>sizeof(uint64_t)):
            if left := self.waiting.get(numbers[at]):
                left()


class State(NamedTuple):
    """A pair at one moment.

    left: the side that has left, "client" or "browser". waiting: bytes that the client has not taken. pongs: how many
    it has sent. between: whether a frame of ours could follow what it was sent. closed: a close frame was seen.
    """

    left: str | None
    waiting: int
    pongs: int
    between: bool
    client_closed: bool
    browser_closed: bool


SIDES = {CLIENT: "client", BROWSER: "browser"}


@no_gc_clear  # its pump is needed to the last
cdef class Pair:
    """Two connected sockets that do not block, by descriptor, from `start` to `stop`; they are closed by the caller."""

    cdef Pump pump
    cdef Joint* joint

    def __cinit__(self, Pump pump, int client, int browser):
        self.pump = pump
        self.joint = <Joint*>calloc(1, sizeof(Joint))
        if not self.joint:
            raise MemoryError
        pthread_mutex_init(&self.joint.lock, NULL)
        self.joint.engine = pump.engine
        self.joint.up.joint = self.joint.down.joint = self.joint
        self.joint.up.source = self.joint.down.sink = client
        self.joint.down.source = self.joint.up.sink = browser
        pump.born += 1
        self.joint.number = pump.born

    def __dealloc__(self):
        if not self.joint:
            return
        self.finish()
        pthread_mutex_lock(&self.joint.engine.lock)
        self.joint.next, self.joint.engine.retired = self.joint.engine.retired, self.joint
        pthread_mutex_unlock(&self.joint.engine.lock)

    def start(self, left, bytes greeting, bytes down, bytes up):
        """Begin with a greeting to the client, then what the browser and the client have sent already.

        left is called when a side has left, unless the pair was stopped before.
        """
        cdef Joint* joint = self.joint
        self.pump.waiting[joint.number] = left
        pthread_mutex_lock(&joint.lock)
        joint.up.reading = joint.down.reading = True
        deliver(&joint.down, greeting, len(greeting))
        push(&joint.down, down, len(down))
        push(&joint.up, up, len(up))
        watch_both(joint)
        pthread_mutex_unlock(&joint.lock)

    cdef void finish(self) noexcept:
        pthread_mutex_lock(&self.joint.lock)
        finish(self.joint, self.joint.left or STOPPED)
        pthread_mutex_unlock(&self.joint.lock)

    def stop(self):
        """Nothing moves after it; once more does no harm."""
        self.finish()
        self.pump.waiting.pop(self.joint.number, None)

    def tell(self, bytes frames):
        """Send the client frames of ours; False when they cannot stand there: inside a frame, or after a close."""
        cdef Joint* joint = self.joint
        pthread_mutex_lock(&joint.lock)
        cdef bint fits = between(&joint.down.place) and not joint.down.place.closed and not joint.left
        if fits:
            deliver(&joint.down, frames, len(frames))
        pthread_mutex_unlock(&joint.lock)
        return fits

    def look(self):
        """How it stands."""
        cdef Joint* joint = self.joint
        pthread_mutex_lock(&joint.lock)
        cdef Joint seen = joint[0]
        pthread_mutex_unlock(&joint.lock)
        return State(
            left=SIDES.get(seen.left),
            waiting=seen.down.end - seen.down.begin if seen.down.held else 0,
            pongs=seen.up.place.pongs,
            between=between(&seen.down.place),
            client_closed=seen.up.place.closed,
            browser_closed=seen.down.place.closed,
        )

    def rest(self):
        """What the client has not taken, once stopped."""
        cdef Pipe* down = &self.joint.down
        return <bytes>down.held[down.begin:down.end] if down.held else b""
