/**
 * What the page and the terminal have in common: being in the chat, and coming back to it.
 */
import { type CallsOf, connect, isFramewireError, type ReconnectingClient } from "framewire";
import { chat, type Message } from "./protocol.ts";

/** How somebody stands: in the chat, or not, with the wait until the next attempt. */
export type Presence = { readonly joined: true } | { readonly joined: false; retryInMs?: number };

/** What is told of the chat. */
export interface Listener {
  message(message: Message): void;
  people(names: readonly string[]): void;
  presence(presence: Presence): void;
  /** The server does not take this name any more. */
  refused(reason: string): void;
}

/** Somebody in the chat. */
export class Member {
  readonly #client: ReconnectingClient & CallsOf<typeof chat>;
  readonly #name: string;
  readonly #listener: Listener;
  /** The number of the newest message that was shown. */
  #newest = 0;

  private constructor(
    client: ReconnectingClient & CallsOf<typeof chat>,
    name: string,
    listener: Listener,
  ) {
    this.#client = client;
    this.#name = name;
    this.#listener = listener;
    client.handle({
      message: (packet) => this.#show(packet),
      people: ({ people }) => listener.people(people),
    });
  }

  /**
   * Comes into the chat, and back into it whenever the connection was lost.
   *
   * @param url `tcp://…` from a terminal, `ws://…` from a page.
   * @throws Error when the name is taken, FramewireError when there is no server.
   */
  static async join(url: string, name: string, listener: Listener): Promise<Member> {
    const client = await connect(url, { protocol: chat, backoffMaxMs: 5000 });
    const member = new Member(client, name, listener);
    try {
      const reason = await member.#join();
      if (reason !== undefined) throw new Error(reason);
    } catch (error) {
      await client.close();
      throw error;
    }
    client.on("status", ({ status, retryInMs }) => {
      if (status === "up") void member.#comeBack();
      else if (status === "down") {
        listener.presence({ joined: false, ...(retryInMs !== undefined && { retryInMs }) });
      }
    });
    return member;
  }

  /** Says something. Rejects when it was not said, or may not have been. */
  async say(text: string): Promise<void> {
    const answer = await this.#client.call("say", { text }, { timeoutMs: 5000 });
    if (answer.packet === "refused") throw new Error(answer.reason);
  }

  /** Leaves. */
  leave(): Promise<void> {
    return this.#client.close();
  }

  async #comeBack(): Promise<void> {
    try {
      const reason = await this.#join();
      if (reason === undefined) return;
      await this.leave();
      this.#listener.refused(reason);
    } catch (error) {
      // The connection was lost again: its status tells, and the next one is on its way.
      if (!isFramewireError(error)) throw error;
    }
  }

  /** @returns Why the server refuses; undefined when it does not. */
  async #join(): Promise<string | undefined> {
    const answer = await this.#client.call("join", { name: this.#name, after: this.#newest });
    if (answer.packet === "refused") return answer.reason;
    this.#listener.presence({ joined: true });
    this.#listener.people(answer.people);
    for (const message of answer.missed) this.#show(message);
    return undefined;
  }

  #show({ number, at, name, text }: Message): void {
    this.#newest = number;
    this.#listener.message({ number, at, name, text });
  }
}
