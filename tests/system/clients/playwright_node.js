// Playwright for Node: playwright_node.js ENDPOINT SITE.
import { chromium } from "playwright-core";

const [endpoint, site] = process.argv.slice(2);

// What a context of its own sees after it was given one cookie; contexts stay open beside each other.
async function cookiesOf(browser, mark) {
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${site}/blank.html`);
  return page.evaluate((given) => { document.cookie = `${given}=1`; return document.cookie; }, mark);
}

const browser = await chromium.connectOverCDP(endpoint);
const page = await browser.newPage();
await page.goto(`${site}/form.html`);
await page.click("#count");
await page.locator("#name").pressSequentially("Ada");
const [download] = await Promise.all([page.waitForEvent("download"), page.click("#file")]);
console.log(JSON.stringify({
  title: await page.title(),
  clicks: await page.innerText("#count"),
  typed: await page.innerText("#greeting"),
  screenshot: (await page.screenshot()).toString("latin1", 1, 4),
  pdf: (await page.pdf()).toString("latin1", 0, 4),
  download: { name: download.suggestedFilename(), failure: await download.failure() },
  cookies: [await cookiesOf(browser, "first"), await cookiesOf(browser, "second")],
}));
await browser.close();
