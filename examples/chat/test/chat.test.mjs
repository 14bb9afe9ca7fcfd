// What: the chat as its users see it, in a real browser, against the server under test (see stage.mjs).
// In: two people: Mara's window runs the client script the server serves, Jonas's window runs the official bundle.
// Out: pass or fail, and two pictures in ARTIFACTS: desktop.png and phone.png.
// Odd: the tests build on each other, as an evening in a chat does; that nothing arrived is shown by something later
// that did, on the same connection, never by waiting for a while.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { join } from "node:path";
import { chromium } from "playwright-core";
import {
  ARTIFACTS, BROWSER, OWN_CLIENT, Subject, enter, hasCount, heard, isInRoom, isOnline, isReconnecting, isSent,
  joinRoom, messages, noticed, officialClient, say, sendTo, write,
} from "./stage.mjs";

const PASSWORD = process.env.STAFF_PASSWORD ?? "letmein";
const PHONE = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };
const MARKUP = "<img src=x onerror=p()>";

let browser, subject, mara, jonas;

before(async () => {
  subject = await Subject.start();
  browser = await chromium.launch(BROWSER);
});

after(async () => {
  await browser?.close();
  await subject?.kill();
});

test("the served client is our own, not the official bundle", { skip: !OWN_CLIENT }, async () => {
  const served = await (await fetch(`${subject.url}socket.io/socket.io.js`)).text();
  assert.ok(served.length > 1000);
  assert.notEqual(served, officialClient);
});

test("who comes is announced and counted", async () => {
  mara = await enter(browser, subject, "Mara Lindt");
  await hasCount(mara, 1);
  jonas = await enter(browser, subject, "Jonas", { official: true });
  await noticed(mara, "Jonas joined");
  await Promise.all([hasCount(mara, 2), hasCount(jonas, 2)]);
});

test("messages go both ways, once, and the writer sees his own", async () => {
  await say(mara, "Morning! Is the new build already up on staging?");
  await heard(jonas, "Morning! Is the new build already up on staging?");
  await say(jonas, "Since ten minutes ago. All green.");
  await heard(mara, "Since ten minutes ago. All green.");
  assert.equal(await messages(mara, "Since ten minutes ago. All green.").count(), 1);
  assert.equal(await messages(jonas, "Since ten minutes ago. All green.").count(), 1);
  assert.equal(await messages(mara, "Since ten minutes ago. All green.").locator(".who").textContent(), "Jonas");
});

test("somebody who types is seen typing, until the message is there", async () => {
  await jonas.getByLabel("Message", { exact: true }).pressSequentially("Had a look at memory too");
  await mara.getByText("Jonas is typing…").waitFor();
  await jonas.getByLabel("Message", { exact: true }).press("Enter");
  await heard(mara, "Had a look at memory too");
  assert.equal(await mara.locator("#typing").textContent(), "");
});

test("somebody who stops typing is forgotten", async () => {
  await jonas.getByLabel("Message", { exact: true }).pressSequentially("hm");
  await mara.getByText("Jonas is typing…").waitFor();
  await jonas.getByLabel("Message", { exact: true }).fill("");
  await mara.getByText("Jonas is typing…").waitFor({ state: "detached" });
});

test("a message to a room reaches its members only, and shows the room", async () => {
  await joinRoom(jonas, "release");
  await joinRoom(mara, "release");
  const outsider = await enter(browser, subject, "Otto");
  await say(jonas, "Notes for 0.1 are in the draft. Can you check the numbers?");
  await heard(mara, "Notes for 0.1 are in the draft. Can you check the numbers?", "# release");
  await say(mara, "On it. The fan-out table looks right to me.");
  await heard(jonas, "On it. The fan-out table looks right to me.", "# release");
  await say(outsider, "Hello from outside");   // its answer comes after whatever the room would have sent here
  assert.equal(await messages(outsider, "Notes for 0.1 are in the draft. Can you check the numbers?").count(), 0);

  await outsider.context().close();
  await noticed(mara, "Otto left");
  await Promise.all([hasCount(mara, 2), hasCount(jonas, 2)]);
});

test("who left a room does not hear it any more", async () => {
  await joinRoom(mara, "lunch");
  await joinRoom(jonas, "lunch");
  await mara.getByRole("button", { name: "Leave lunch" }).click();
  await sendTo(mara, "Everyone");
  await say(mara, "I had lunch already");       // behind the "leave" on the same connection
  await say(jonas, "Noodles at noon?");
  await say(mara, "Anything else today?");      // its answer comes after the noodles would have
  assert.equal(await messages(mara, "Noodles at noon?").count(), 0);
  await jonas.getByRole("button", { name: "Leave lunch" }).click();
});

test("the staff channel refuses a wrong password and opens with the right one", async () => {
  await mara.getByLabel("Staff password").fill("sesame");
  await mara.getByRole("button", { name: "Enter" }).click();
  await mara.getByText(/Wrong password/).waitFor();
  for (const page of [mara, jonas]) {
    await page.getByLabel("Staff password").fill(PASSWORD);
    await page.getByRole("button", { name: "Enter" }).click();
    await page.getByText("You are in the staff channel.").waitFor();
  }
  await noticed(mara, "Jonas joined Staff");
  await say(mara, "Between us: we ship on Thursday.");
  await heard(jonas, "Between us: we ship on Thursday.", "Staff");
});

test("nothing anybody types becomes markup", async () => {
  const guest = await enter(browser, subject, MARKUP);
  await noticed(mara, `${MARKUP} joined`);
  await joinRoom(guest, MARKUP);
  await joinRoom(mara, MARKUP);
  await say(guest, `${MARKUP}<script>p()</script>`);
  await heard(mara, `${MARKUP}<script>p()</script>`, `# ${MARKUP}`);
  await guest.getByLabel("Message", { exact: true }).pressSequentially("x");
  await mara.getByText(`${MARKUP} is typing…`).waitFor();
  await guest.getByLabel("Go to a team").fill(MARKUP);
  await guest.getByRole("button", { name: "Go", exact: true }).click();
  await guest.getByText("is not a team").waitFor();
  for (const page of [mara, guest]) assert.equal(await page.locator("img, #app script, [onerror]").count(), 0);

  await guest.goto(`${subject.url}#${MARKUP}`);
  await guest.getByText(`“${MARKUP}” is not a team name`).waitFor();
  assert.equal(await guest.locator("img, [onerror]").count(), 0);
  assert.deepEqual(guest.failures, []);         // had anything run, it would have called the missing p()
  await guest.context().close();
  await mara.getByRole("button", { name: `Leave ${MARKUP}` }).click();
});

test("teams do not hear each other, nor the lobby", async () => {
  const blue = await enter(browser, subject, "Bea", { hash: "#blue" });
  const alsoBlue = await enter(browser, subject, "Bo", { hash: "#blue", official: true });
  const red = await enter(browser, subject, "Rosa", { hash: "#red" });
  await blue.getByRole("heading", { name: "Team blue" }).waitFor();
  await Promise.all([hasCount(blue, 2), hasCount(alsoBlue, 2), hasCount(red, 1), hasCount(mara, 2)]);
  await say(blue, "Only blue may read this");
  await heard(alsoBlue, "Only blue may read this");
  for (const page of [red, mara]) {
    await sendTo(page, "Everyone");
    await say(page, "Quiet here");
    assert.equal(await messages(page, "Only blue may read this").count(), 0);
  }

  await red.getByLabel("Go to a team").fill("blue");
  await red.getByRole("button", { name: "Go", exact: true }).click();
  await noticed(blue, "Rosa joined");           // a new address is a new page, and the nickname is remembered
  await Promise.all([blue, alsoBlue, red].map((page) => page.context().close()));
});

test("too many messages are refused with a clear word, and the page goes on", async () => {
  const texts = Array.from({ length: 9 }, (_, at) => `Burst ${at + 1}`);
  await mara.evaluate((burst) => {
    for (const text of burst) {
      document.querySelector("#text").value = text;
      document.querySelector("#composer").requestSubmit();
    }
  }, texts);
  await mara.getByText(/^Slow down: 5 messages (per|a) second$/).waitFor();
  const mine = mara.locator(".mine").filter({ hasText: "Burst" });
  for (const text of texts) {
    await messages(mara, text).and(mara.locator('[data-state="sent"], [data-state="unsent"]')).waitFor();
  }
  const sent = await mine.and(mara.locator('[data-state="sent"]')).locator(".text").allTextContents();
  assert.ok(sent.length < texts.length);
  for (const text of texts) await isSent(mara, text);       // "Send again" works once the second is over
  for (const text of texts) await heard(jonas, text);
});

test("after a restart of the server the chat goes on by itself", async () => {
  await sendTo(jonas, "# release");
  await Promise.all([isInRoom(mara, "release"), isInRoom(jonas, "release")]);
  await subject.kill();
  await Promise.all([isReconnecting(mara), isReconnecting(jonas)]);

  // Without history, who comes back later misses what is said before. So Mara's way back is closed until Jonas is there.
  await mara.context().setOffline(true);
  await sendTo(mara, "Everyone");
  for (let at = 1; at <= 6; at += 1) await write(mara, `Typed in the dark ${at}`);
  await sendTo(mara, "# release");
  await write(mara, "Typed in the dark for the room");
  await messages(mara, "Typed in the dark for the room").getByText("Waits for the connection").waitFor();

  await subject.start();
  await isOnline(jonas);
  await isInRoom(jonas, "release");
  await hasCount(jonas, 1);
  await isReconnecting(mara);
  await mara.context().setOffline(false);
  await isOnline(mara);
  await noticed(jonas, "Mara Lindt joined");
  await heard(jonas, "Typed in the dark for the room", "# release");
  const order = await jonas.locator(".message .text").filter({ hasText: "Typed in the dark" }).allTextContents();
  assert.deepEqual(order, [1, 2, 3, 4, 5, 6, "for the room"].map((at) => `Typed in the dark ${at}`));

  await isSent(mara, "Typed in the dark for the room");
  await isInRoom(mara, "release");
  await say(jonas, "Welcome back");
  await heard(mara, "Welcome back", "# release");
  await sendTo(jonas, "Staff");
  await say(jonas, "The staff door opened again too");
  await heard(mara, "The staff door opened again too", "Staff");
});

test("the page fits a phone, light and dark, and its menu works by keyboard", async () => {
  const phone = await enter(browser, subject, "Nora", { options: PHONE });
  await fits(phone);
  await joinRoomOnPhone(phone, "release");
  const long = "Averylongwordwithoutanyplacetobreakit".repeat(6);
  await sendTo(jonas, "# release");
  await say(jonas, long);
  await heard(phone, long, "# release");
  await say(phone, long);
  await fits(phone);
  await phone.emulateMedia({ colorScheme: "dark" });
  await fits(phone);
  await phone.getByRole("button", { name: "Open menu" }).press("Enter");
  await phone.getByLabel("Join a room").waitFor();
  await fits(phone);
  await phone.keyboard.press("Escape");
  await phone.getByLabel("Join a room").waitFor({ state: "hidden" });
  await phone.getByRole("button", { name: "Open menu" }).tap();
  await phone.getByLabel("Join a room").waitFor();
  await phone.touchscreen.tap(350, 400);        // beside the menu
  await phone.getByLabel("Join a room").waitFor({ state: "hidden" });
  await phone.context().close();
});

test("two people, one at a desk and one on a phone, make two pictures", async () => {
  const studio = await Subject.start();
  try {
    const desk = await enter(browser, studio, "Mara Lindt", { options: { reducedMotion: "reduce" } });
    const phone = await enter(browser, studio, "Jonas", { official: true, options: { ...PHONE, reducedMotion: "reduce" } });
    await hasCount(desk, 2);
    await say(phone, "Morning! The new build is up on staging. All green.");
    await say(desk, "Wonderful. Is it any good on a phone?");
    await say(phone, "Writing this on one");
    await say(phone, "And the dark mode is lovely, by the way");
    await joinRoom(desk, "lunch");
    await joinRoom(desk, "release");
    await joinRoomOnPhone(phone, "release");
    await sendTo(desk, "Everyone");
    await say(desk, "Then we ship today. I am on the train until ten, the tunnel comes soon");
    await sendTo(phone, "Everyone");
    await say(phone, "No worries. Just restarted the server under you, did you notice anything?");
    await say(desk, "Not a thing. It said “Reconnecting…” for a second and went on.");
    await sendTo(phone, "# release");
    await say(phone, "Tag is ready, notes are in the draft");
    await sendTo(desk, "# release");
    await say(desk, "Reading them now");
    await heard(phone, "Reading them now", "# release");
    await phone.getByLabel("Message", { exact: true }).pressSequentially("Push it");
    await desk.getByText("Jonas is typing…").waitFor();
    await desk.screenshot({ path: join(ARTIFACTS, "desktop.png") });
    await phone.getByLabel("Message", { exact: true }).fill("Push it when you are happy");
    await phone.screenshot({ path: join(ARTIFACTS, "phone.png") });
    await Promise.all([desk, phone].map((page) => page.context().close()));
  } finally {
    await studio.kill();
  }
});

test("no window met an error on the way", () => {
  assert.deepEqual(mara.failures, []);
  assert.deepEqual(jonas.failures, []);
});

async function fits(page) {
  const { wide, seen } = await page.evaluate(() => ({
    wide: Math.max(document.documentElement.scrollWidth, document.querySelector("#scroll").scrollWidth),
    seen: document.documentElement.clientWidth,
  }));
  assert.ok(wide <= seen, `${wide} px of content in ${seen} px`);
}

/** The menu by keyboard: open, join; it closes by itself and the focus is where one writes. */
async function joinRoomOnPhone(page, room) {
  await page.getByRole("button", { name: "Open menu" }).press("Enter");
  await page.getByLabel("Join a room").fill(room);
  await page.getByLabel("Join a room").press("Enter");
  await isInRoom(page, room);
  assert.equal(await page.evaluate(() => document.activeElement.id), "text");
}
