/** A piece longer than this is cut at a space: a quarter of a minute of speech. */
const MOST_CHARACTERS = 240;

const SENTENCE_END = /(?<=[.!?…])\s+|(?<=[。！？])|\n+/u;

/** `text` in pieces that can be said one after the other: sentences, long ones in parts; nothing where nothing is said. */
export function sentencesOf(text: string): string[] {
  return text
    .split(SENTENCE_END)
    .flatMap((sentence) => cut(sentence.trim()))
    .filter((piece) => /[\p{L}\p{N}]/u.test(piece));
}

function cut(sentence: string): string[] {
  const pieces: string[] = [];
  let rest = sentence;
  while (rest.length > MOST_CHARACTERS) {
    const space = rest.lastIndexOf(" ", MOST_CHARACTERS);
    const at = space > 0 ? space : MOST_CHARACTERS;
    pieces.push(rest.slice(0, at));
    rest = rest.slice(at).trimStart();
  }
  return [...pieces, rest];
}
