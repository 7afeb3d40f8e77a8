// Puppeteer: puppeteer.js ENDPOINT SITE close|disconnect; an http:// endpoint is a browserURL.
import puppeteer from "puppeteer-core";

const [endpoint, site, ending] = process.argv.slice(2);

// What a context of its own sees after it was given one cookie; contexts stay open beside each other.
async function cookiesOf(browser, mark) {
  const page = await (await browser.createBrowserContext()).newPage();
  await page.goto(`${site}/blank.html`);
  return page.evaluate((given) => { document.cookie = `${given}=1`; return document.cookie; }, mark);
}

// Puppeteer has no download event of its own: its users listen to the protocol's.
async function download(browser, page) {
  const session = await browser.target().createCDPSession();
  const begun = new Promise((resolve) => { session.once("Browser.downloadWillBegin", resolve); });
  const ended = new Promise((resolve) => {
    session.on("Browser.downloadProgress", ({ state }) => { if (state !== "inProgress") resolve(state); });
  });
  await session.send("Browser.setDownloadBehavior", {
    behavior: "allowAndName", downloadPath: "/tmp/downloads", eventsEnabled: true,
  });
  await page.click("#file");
  const name = (await begun).suggestedFilename;
  const state = await ended;
  return { name, failure: state === "completed" ? null : state };
}

const browser = await puppeteer.connect(
  endpoint.startsWith("http") ? { browserURL: endpoint } : { browserWSEndpoint: endpoint },
);
const page = await browser.newPage();
await page.goto(`${site}/form.html`);
await page.click("#count");
await page.type("#name", "Ada");
const text = (selector) => page.$eval(selector, (element) => element.textContent);
console.log(JSON.stringify({
  title: await page.title(),
  clicks: await text("#count"),
  typed: await text("#greeting"),
  screenshot: Buffer.from(await page.screenshot()).toString("latin1", 1, 4),
  pdf: Buffer.from(await page.pdf()).toString("latin1", 0, 4),
  download: await download(browser, page),
  cookies: [await cookiesOf(browser, "first"), await cookiesOf(browser, "second")],
}));
await browser[ending]();
