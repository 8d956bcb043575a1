// `posthorn config`: every setting, its value and where that came from.
import { describeOrigin } from '../config.ts';
import type { LoadedConfig, ResolvedSetting } from '../config.ts';
import { settings } from '../config-settings.ts';
import { ConfigurationError } from './cli-error.ts';
import { exitCodes } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { alignColumns, writeJson, writeNote } from './io.ts';
import type { Io } from './io.ts';
import { loadCommandConfig } from './settings-options.ts';

/** Shows what `serve` or `dev` would run with; with problems, shows the values too and throws `ConfigurationError`. */
export function runConfig(
  options: Readonly<Record<string, unknown>>,
  mode: 'serve' | 'dev',
  io: Io,
): ExitCode {
  const loaded = loadCommandConfig(options, mode, io);
  if (io.json) return writeConfigJson(loaded, mode, io);
  const rows = loaded.settings.map((setting) => [
    settings[setting.key].env,
    shownValue(setting),
    originText(setting),
  ]);
  io.stdout.write(alignColumns(rows));
  for (const warning of loaded.warnings) writeNote(io, `${io.paint('yellow', 'warning:')} ${warning}`);
  if (!loaded.ok) throw new ConfigurationError(loaded.problems);
  return exitCodes.ok;
}

function writeConfigJson(loaded: LoadedConfig, mode: 'serve' | 'dev', io: Io): ExitCode {
  const listed = loaded.settings.map(({ key, origin, shown, note, problem }) => {
    const { env, flag = null } = settings[key];
    return { name: env, flag, value: shown ?? null, origin, note: note ?? null, problem: problem ?? null };
  });
  const problems = loaded.ok ? [] : loaded.problems;
  const { code, message, fix } = new ConfigurationError(problems);
  const error = loaded.ok ? {} : { error: { code, message, fix, problems } };
  writeJson(io, { mode, settings: listed, warnings: loaded.warnings, ...error });
  return loaded.ok ? exitCodes.ok : exitCodes.usage;
}

function shownValue({ shown, problem }: ResolvedSetting): string {
  if (problem !== undefined) return '(wrong)';
  return shown === undefined || shown === '' ? '(not set)' : shown;
}

function originText({ origin, note }: ResolvedSetting): string {
  const text = describeOrigin(origin);
  return note === undefined ? text : `${text}, ${note}`;
}
