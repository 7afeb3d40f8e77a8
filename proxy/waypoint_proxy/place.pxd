# cython: language_level=3
"""WebSocket frames, followed and never decoded: headers are read, payloads skipped, through any cut of the stream.

Source: RFC 6455 section 5.2.
"""

from libc.stdint cimport uint8_t, uint64_t

cdef enum:
    CLOSE = 0x8
    PONG = 0xA

cdef struct Place:
    # Where a stream stands in its frames: inside a header, inside a payload, or between two frames.
    uint8_t header[14]
    size_t seen
    uint64_t payload
    uint64_t pongs
    bint closed


cdef inline size_t header_size(const uint8_t* header) noexcept nogil:
    cdef uint8_t length = header[1] & 0x7F
    return 2 + (2 if length == 126 else 8 if length == 127 else 0) + (4 if header[1] & 0x80 else 0)


cdef inline uint64_t payload_size(const uint8_t* header) noexcept nogil:
    cdef uint64_t size = header[1] & 0x7F
    cdef int at, width = 2 if size == 126 else 8 if size == 127 else 0
    if width:
        size = 0
        for at in range(width):
            size = size << 8 | header[2 + at]
    return size


cdef inline void enter(Place* place) noexcept nogil:
    """A header is complete."""
    cdef int opcode = place.header[0] & 0xF
    place.seen = 0
    place.payload = payload_size(place.header)
    if opcode == CLOSE:
        place.closed = True
    elif opcode == PONG:
        place.pongs += 1


cdef inline void follow(Place* place, const uint8_t* data, size_t size) noexcept nogil:
    """Move on by these bytes."""
    cdef size_t at = 0
    while place.payload < size - at:
        at += place.payload
        place.payload = 0
        place.header[place.seen] = data[at]
        place.seen += 1
        at += 1
        if place.seen >= 2 and place.seen == header_size(place.header):
            enter(place)
    place.payload -= size - at


cdef inline bint between(const Place* place) noexcept nogil:
    """Whether a frame of ours could stand here."""
    return not place.seen and not place.payload
