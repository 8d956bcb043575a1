// Bugs of the kinds that the fuzzer is there for. A fuzzer that misses them finds nothing.
import type { InputReader } from './input.ts';

export const plantedNames = ['throw', 'hang', 'forgery'] as const;
export type PlantedName = (typeof plantedNames)[number];

/** A digest header, read carelessly. Returns whether the header was taken for right. */
export function readPlanted(planted: PlantedName, reader: InputReader): boolean {
  const header = Buffer.from(reader.rest()).toString('latin1');
  switch (planted) {
    case 'throw':
      // Throws for a percent sign without two digits.
      decodeURIComponent(header);
      return false;
    case 'hang':
      // Takes twice as long for every character before one that does not fit.
      return /^sha256=(?:[0-9a-z]+)+=$/.test(header);
    case 'forgery':
      // Compares as much as was given.
      return header.startsWith('sha256=') && 'f00d'.startsWith(header.slice('sha256='.length).trim());
    default:
      return planted satisfies never;
  }
}
