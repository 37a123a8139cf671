// A light touch of syntax colour for the code around the gap; a real grammar would be too much for a backdrop.

const SYNTAX =
  /("(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?|`(?:\\.|[^`\\])*`?)|(#.*|\/\/.*)|\b(and|as|assert|async|await|break|case|class|const|continue|def|del|elif|else|except|export|finally|fn|for|from|func|function|global|if|impl|import|in|is|lambda|let|match|mut|new|nonlocal|not|or|pass|pub|raise|return|self|struct|this|try|type|var|while|with|yield|True|False|None|true|false|null)\b|\b(\d[\d_.]*)\b/g;

const KINDS = ["string", "comment", "keyword", "number"] as const;

/** A piece of code with its kind, empty for plain code. */
export interface Piece {
  readonly text: string;
  readonly kind: (typeof KINDS)[number] | "";
}

/** Code in pieces, in order and without loss. */
export function* pieces(code: string): Generator<Piece> {
  let at = 0;
  for (const hit of code.matchAll(SYNTAX)) {
    if (hit.index > at) yield { text: code.slice(at, hit.index), kind: "" };
    const group = hit.slice(1).findIndex((it: string | undefined) => it !== undefined);
    yield { text: hit[0], kind: KINDS[group] ?? "" };
    at = hit.index + hit[0].length;
  }
  if (at < code.length) yield { text: code.slice(at), kind: "" };
}
