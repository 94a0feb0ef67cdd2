/**
 * The page: what happens in the chat is shown, what is typed is said.
 */
/// <reference lib="dom" />
import { isFramewireError } from "framewire";
import { Member, type Presence } from "./client.ts";
import { type Message, MOST_CHARACTERS } from "./protocol.ts";

function find<E extends Element = Element>(selector: string): E {
  return document.querySelector<E>(selector)!;
}

const [door, room] = [find<HTMLFormElement>("#door"), find<HTMLElement>("#room")];
const [name, text] = [find<HTMLInputElement>("#name"), find<HTMLTextAreaElement>("#text")];
const send = find<HTMLButtonElement>("#send");
const messages = find<HTMLElement>("#messages");
const composer = find<HTMLFormElement>("#composer");
const presence = find<HTMLElement>("#presence");

const wirePort = find<HTMLMetaElement>("meta[name=wire-port]").content;
const url = `ws://${location.hostname}:${wirePort}/chat`;
const timeOfDay = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

/** One's own messages stand out. */
let me = "";
let member: Member | undefined;

function element(tag: string, className: string, content: string): HTMLElement {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = content; // never as HTML: it comes from others
  return made;
}

/** A disc with somebody's first letter, in a colour of their own. */
function initial(name: string): HTMLElement {
  const made = element("span", "initial", [...name][0]!.toUpperCase());
  let hue = 0;
  for (const letter of name) hue = (hue * 31 + letter.codePointAt(0)!) % 360;
  made.style.setProperty("--hue", String(hue));
  made.ariaHidden = "true";
  return made;
}

/** The message shown last: what the same person says soon after it goes under the same head. */
let before: Message | undefined;
const SOON_S = 300;

function showMessage(message: Message): void {
  find<HTMLElement>("#nothing").hidden = true;
  const isAtEnd = messages.scrollHeight - messages.scrollTop - messages.clientHeight < 40;
  const isFirst = before?.name !== message.name || message.at - before.at > SOON_S;
  before = message;
  const item = document.createElement("li");
  item.classList.toggle("own", message.name === me);
  if (isFirst) {
    item.classList.add("first");
    const head = element("p", "head", "");
    const at = new Date(message.at * 1000);
    const time = document.createElement("time");
    time.dateTime = at.toISOString();
    time.title = at.toLocaleString();
    time.textContent = timeOfDay.format(at);
    head.append(element("strong", "", message.name), time);
    item.append(initial(message.name), head);
  }
  item.append(element("p", "body", message.text));
  messages.append(item);
  // Who reads older messages is left there.
  if (isAtEnd) messages.scrollTop = messages.scrollHeight;
}

function showPeople(names: readonly string[]): void {
  find("#people-title").textContent = `Here now: ${names.length}`;
  find("#people").replaceChildren(...names.map((name) => {
    const item = document.createElement("li");
    item.append(initial(name), element("span", "name", name === me ? `${name} (you)` : name));
    return item;
  }));
}

let countdown: ReturnType<typeof setInterval> | undefined;

function showPresence(now: Presence): void {
  clearInterval(countdown);
  presence.dataset["state"] = now.joined ? "joined" : "lost";
  send.disabled = !now.joined;
  find("#state").textContent = now.joined ? "Connected" : "Reconnecting";
  const retry = find("#retry"); // apart, so that the seconds are not read out one by one
  retry.textContent = "";
  if (now.joined) return;
  const until = performance.now() + (now.retryInMs ?? 0);
  const tell = () => {
    const seconds = Math.ceil((until - performance.now()) / 1000);
    retry.textContent = seconds > 0 ? ` in ${seconds} s` : "…";
  };
  tell();
  countdown = setInterval(tell, 250);
}

function leaveRoom(reason: string): void {
  clearInterval(countdown);
  member = undefined;
  room.hidden = true;
  door.hidden = false;
  find("#door-error").textContent = reason;
  name.focus();
}

door.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = door.querySelector("button")!;
  const error = find("#door-error");
  error.textContent = "";
  button.disabled = true;
  me = name.value.trim();
  messages.replaceChildren();
  before = undefined;
  try {
    member = await Member.join(url, me, {
      message: showMessage,
      people: showPeople,
      presence: showPresence,
      refused: leaveRoom,
    });
    localStorage.setItem("name", me);
    door.hidden = true;
    room.hidden = false;
    messages.scrollTop = messages.scrollHeight;
    text.focus();
  } catch (reason) {
    error.textContent = isFramewireError(reason)
      ? "The server cannot be reached. Try again."
      : (reason as Error).message;
  }
  button.disabled = false;
});

composer.addEventListener("submit", async (event) => {
  event.preventDefault();
  const said = text.value.trim();
  if (said === "" || send.disabled || member === undefined) return;
  const error = find("#say-error");
  error.textContent = "";
  send.disabled = true;
  try {
    await member.say(said);
    text.value = "";
  } catch (reason) {
    // The text stays, to be sent again.
    error.textContent = `Not sent: ${(reason as Error).message}`;
  }
  send.disabled = presence.dataset["state"] !== "joined";
  text.focus();
});

text.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  composer.requestSubmit();
});

text.maxLength = MOST_CHARACTERS;
name.value = localStorage.getItem("name") ?? "";
