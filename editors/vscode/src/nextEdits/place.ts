// Places in a document, as the protocol counts. Knows no editor.

export interface Position {
  readonly line: number;
  readonly character: number;
}

export interface Range {
  readonly start: Position;
  readonly end: Position;
}

/** Where a text ends that begins at a position; its lines end in \n. */
export function endOf({ line, character }: Position, text: string): Position {
  const lines = text.split("\n");
  return { line: line + lines.length - 1, character: (lines.length === 1 ? character : 0) + (lines.at(-1) ?? "").length };
}

/** Whether a range ends where another one starts, or before. */
export function isBefore({ end }: Range, { start }: Range): boolean {
  return end.line < start.line || (end.line === start.line && end.character <= start.character);
}

/** Whether two ranges are the same. */
export function isSame(one: Range, other: Range): boolean {
  const numbers = ({ start, end }: Range) => [start.line, start.character, end.line, end.character].join();
  return numbers(one) === numbers(other);
}

/** Where a position behind a range is once the range has been replaced by a text. */
export function moved({ line, character }: Position, { start, end }: Range, text: string): Position {
  const now = endOf(start, text);
  if (line > end.line) return { line: line + now.line - end.line, character };
  return { line: now.line, character: now.character + character - end.character };
}
