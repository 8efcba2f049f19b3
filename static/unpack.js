// Unpacks a .lzma file, as collector/build.rs makes it: literal contexts of 4 bits, none of places, length in the header.
// Deflate, which browsers unpack themselves, makes a quarter more of the module. After Igor Pavlov's LZMA specification
// (public domain, 7-zip.org/sdk.html). Chances are in 2048ths and move by a 32nd of what is left with each bit.
const unlzma = (packed) => {
  "use strict";
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  if (packed[0] !== 4) throw new Error("the module is not packed as expected");
  const out = new Uint8Array(view.getUint32(5, true));
  // Where the chances of each question begin.
  const match = 0, repeat = 12, repeat0 = 24, short = 36, repeat1 = 48, repeat2 = 60;
  const slots = 72, special = 328, aligned = 442, newLength = 458, oldLength = 732, literals = 1006;
  const chances = new Uint16Array(literals + 0x300 * 16).fill(1024);
  let at = 18, code = view.getUint32(14), range = 0xffffffff;
  const refill = () => {
    if (range < 0x1000000) {
      range = (range << 8) >>> 0;
      code = ((code << 8) | packed[at++]) >>> 0;
    }
  };
  const bit = (question) => {
    const chance = chances[question];
    const bound = (range >>> 11) * chance;
    const one = code >= bound;
    if (one) {
      range -= bound;
      code -= bound;
      chances[question] = chance - (chance >> 5);
    } else {
      range = bound;
      chances[question] = chance + ((2048 - chance) >> 5);
    }
    refill();
    return one ? 1 : 0;
  };
  // So many bits with a one before them, the highest first.
  const node = (question, bits, begin = 1) => {
    let node = begin;
    while (node >> bits === 0) node = (node << 1) | bit(question + node);
    return node;
  };
  // The lowest first.
  const reversed = (question, bits) => {
    let value = 0;
    for (let i = 0, node = 1; i < bits; i++) {
      const one = bit(question + node);
      node = (node << 1) | one;
      value |= one << i;
    }
    return value;
  };
  const length = (question) => {
    if (!bit(question)) return node(question + 2, 3) - 6;
    if (!bit(question + 1)) return node(question + 10, 3) + 2;
    return node(question + 18, 8) - 238;
  };
  const distance = (long) => {
    const slot = node(slots + Math.min(long - 2, 3) * 64, 6) - 64;
    if (slot < 4) return slot;
    const bits = (slot >> 1) - 1;
    let value = 2 | (slot & 1);
    if (slot < 14) return (value << bits) + reversed(special + (value << bits) - slot - 1, bits);
    for (let i = 4; i < bits; i++) {
      range >>>= 1;
      const one = code >= range;
      if (one) code -= range;
      value = (value << 1) | one;
      refill();
    }
    return value * 16 + reversed(aligned, 4);
  };
  // The last four distances, and what came before: below 7 a byte that no match gave.
  let d0 = 0, d1 = 0, d2 = 0, d3 = 0, state = 0;
  for (let n = 0; n < out.length; ) {
    if (!bit(match + state)) {
      const literal = literals + 0x300 * ((out[n - 1] ?? 0) >> 4);
      let begin = 1;
      if (state > 6) {
        // What a match would give here is wrong, but may be alike in its first bits.
        for (let alike = out[n - 1 - d0] << 1, same = 0x100; begin < 0x100 && same; alike <<= 1) {
          const one = bit(literal + same + (alike & same) + begin);
          begin = (begin << 1) | one;
          same &= one ? alike : ~alike;
        }
      }
      out[n++] = node(literal, 8, begin);
      state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
      continue;
    }
    let long = 1;
    if (!bit(repeat + state)) {
      long = length(newLength);
      [d0, d1, d2, d3] = [distance(long), d0, d1, d2];
      state = state < 7 ? 7 : 10;
    } else if (bit(repeat0 + state)) {
      if (!bit(repeat1 + state)) [d0, d1] = [d1, d0];
      else if (!bit(repeat2 + state)) [d0, d1, d2] = [d2, d0, d1];
      else [d0, d1, d2, d3] = [d3, d0, d1, d2];
      long = length(oldLength);
      state = state < 7 ? 8 : 11;
    } else if (bit(short + state)) {
      long = length(oldLength);
      state = state < 7 ? 8 : 11;
    } else {
      state = state < 7 ? 9 : 11;
    }
    for (; long > 0; long--, n++) out[n] = out[n - 1 - d0];
  }
  return out;
};
