// A CPU profile of Node (`--cpu-prof`), told as the functions that used the most time themselves.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const microsPerMs = 1_000;

interface Profile {
  nodes: {
    id: number;
    callFrame: { functionName: string; url: string; lineNumber: number };
    children?: number[];
  }[];
  samples: number[];
  timeDeltas: number[];
}

interface Share {
  selfMs: number;
  /** Of the time that the process was not idle. */
  percent: number;
  name: string;
}

/** The `countMax` dearest functions of the profiles in a folder, and the dearest packages or folders. */
export function summariseProfiles(
  folder: string,
  countMax: number,
): { functions: Share[]; places: Share[]; busyMs: number } {
  const functions = new Map<string, number>();
  const places = new Map<string, number>();
  let busyMs = 0;
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.cpuprofile'))) {
    const profile = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Profile;
    const byId = new Map(profile.nodes.map((node) => [node.id, node.callFrame]));
    for (const [index, id] of profile.samples.entries()) {
      const frame = byId.get(id);
      const ms = (profile.timeDeltas[index] ?? 0) / microsPerMs;
      if (!frame || ms <= 0 || frame.functionName === '(idle)' || frame.functionName === '(root)') continue;
      busyMs += ms;
      const place = placeOf(frame.url, frame.functionName);
      const label = `${frame.functionName || '(anonymous)'} ${shortUrl(frame.url)}:${frame.lineNumber + 1}`;
      functions.set(label, (functions.get(label) ?? 0) + ms);
      places.set(place, (places.get(place) ?? 0) + ms);
    }
  }
  const ranked = (totals: Map<string, number>) =>
    [...totals]
      .map(([name, selfMs]) => ({ name, selfMs, percent: (selfMs / busyMs) * 100 }))
      .sort((a, b) => b.selfMs - a.selfMs)
      .slice(0, countMax);
  return { functions: ranked(functions), places: ranked(places), busyMs };
}

function shortUrl(url: string): string {
  return url.replace(/^.*\/(?:node_modules|packages)\//, '').replace(/^file:\/\//, '');
}

function placeOf(url: string, functionName: string): string {
  if (url.startsWith('node:')) return url.split('/').slice(0, 2).join('/');
  const installed = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1];
  if (installed !== undefined) return installed;
  const own = /\/packages\/([^/]+\/dist\/[^/]+)/.exec(url)?.[1];
  if (own !== undefined) return own;
  return functionName.startsWith('(') ? functionName : 'native';
}
