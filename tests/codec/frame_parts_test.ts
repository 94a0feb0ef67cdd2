/** Long frames in parts: the same bytes in the same order, however they come and are taken. */

import t from "tap";
import { Begun, type FrameParts } from "../../src/codec/frame_consumer.ts";
import { FrameDecoder } from "../../src/codec/frame_decoder.ts";
import { codecsOf } from "../../src/codec/lend.ts";
import { lengthField } from "../../src/codec/framing.ts";
import { join, random, randomBytes, toHex, u32 } from "../helpers/frames.ts";
import { CODECS } from "../helpers/settings.ts";

const HEAD = 6;

for (const codec of CODECS) {
  t.test(`whatever the splits, and whatever the consumer answers (${codec})`, (t) => {
    for (let seed = 1; seed <= 300; seed++) {
      const next = random(seed);
      const frames = Array.from({ length: 1 + next(12) }, (_, i) => {
        const body = randomBytes(seed * 100 + i, 2 + next(next(3) === 0 ? 600 : 60));
        return join(u32(body.length), body);
      });
      const overBytes = 50 + next(100);
      const came: string[] = [];
      const inParts: boolean[] = [];
      let open: Uint8Array[] | undefined;
      let patience = 0;
      const parts: FrameParts = {
        overBytes,
        headBytes: HEAD,
        begin(chunk, at, frameBytes) {
          if (open !== undefined) t.fail(`seed ${seed}: two at once`);
          if (frameBytes !== frames[came.length]!.length) t.fail(`seed ${seed}: length`);
          const answer = next(3);
          if (answer === Begun.YES) open = [chunk.slice(at, at + HEAD)];
          return answer as Begun;
        },
        part(bytes, left) {
          open!.push(bytes.slice());
          const sofar = open!.reduce((sum, { length }) => sum + length, 0);
          if (sofar + left !== frames[came.length]!.length) t.fail(`seed ${seed}: left`);
          patience = next(3);
        },
        waits: () => patience > 0,
        through() {
          came.push(toHex(join(...open!)));
          inParts.push(true);
          open = undefined;
        },
      };
      const decoder = new FrameDecoder(
        lengthField({ size: 4, maxFrameBytes: 10_000 }),
        undefined,
        codecsOf(codec),
        10_000,
        {
          parts,
          keepsChunk: false,
          batch(_codec, chunk, { words, count }) {
            if (open !== undefined) t.fail(`seed ${seed}: a batch inside of a body`);
            const taken = next(4) === 0 ? next(count + 1) : count;
            for (let i = 0; i < taken; i++) {
              const at = words[i * 4]!;
              came.push(toHex(chunk.subarray(at, at + words[i * 4 + 1]!)));
              inParts.push(false);
            }
            return taken;
          },
        },
      );
      const stream = join(...frames);
      for (let at = 0; at < stream.length;) {
        const bytes = 1 + next(next(2) === 0 ? 20 : 900);
        let rest = stream.slice(at, at + bytes);
        at += bytes;
        do {
          rest = rest.slice(decoder.push(rest));
          patience--;
        } while (rest.length > 0 || decoder.stopped);
      }
      patience = 0;
      decoder.push(new Uint8Array(0));
      decoder.end();
      if (came.join() !== frames.map(toHex).join()) t.fail(`seed ${seed}: frames`);
      frames.forEach(({ length }, i) => {
        if (length <= overBytes && inParts[i]) t.fail(`seed ${seed}: a short one in parts`);
      });
    }
    t.pass("seeds 1 to 300");
    t.end();
  });

  t.test(`an end inside of a body is TRUNCATED, and says how much is missing (${codec})`, (t) => {
    const parts: FrameParts = {
      overBytes: 50,
      headBytes: HEAD,
      begin: () => Begun.YES,
      part() {},
      waits: () => false,
      through() {},
    };
    const framing = lengthField({ size: 4, maxFrameBytes: 1000 });
    const batch = () => 0;
    const decoder = new FrameDecoder(framing, undefined, codecsOf(codec), 1000, {
      parts,
      batch,
      keepsChunk: false,
    });
    decoder.push(join(u32(500), new Uint8Array(100)));
    t.throws(() => decoder.end(), { code: "TRUNCATED", message: /400 bytes before its end/ });
    decoder.push(new Uint8Array(400));
    decoder.end();
    t.end();
  });
}
