// The settings as flags of a command, and a command's flags as configuration.
import { readFileSync } from 'node:fs';
import { Option } from 'commander';
import type { Command } from 'commander';
import { loadConfig } from '../config.ts';
import type { Config, Flags, LoadedConfig, Mode } from '../config.ts';
import { settings } from '../config-settings.ts';
import type { SettingKey } from '../config-settings.ts';
import { ConfigurationError } from './cli-error.ts';
import { writeNote } from './io.ts';
import type { Io } from './io.ts';

/** Adds a flag for each of `keys` that has one. */
export function addSettingOptions(command: Command, keys: readonly SettingKey[]): Command {
  for (const key of keys) {
    const option = optionOf(key);
    if (option !== undefined) command.addOption(option);
  }
  return command;
}

function optionOf(key: SettingKey): Option | undefined {
  const { flag, valueName, env, defaultText = '', doc } = settings[key];
  if (flag === undefined) return undefined;
  const fallback = defaultText === '' ? '' : `, default ${defaultText}`;
  return new Option(valueName === undefined ? flag : `${flag} <${valueName}>`, `${doc} (${env}${fallback})`);
}

/** What commander collected, by setting. */
function flagsFrom(options: Readonly<Record<string, unknown>>): Flags {
  const flags: Partial<Record<SettingKey, string>> = {};
  for (const key of Object.keys(settings) as SettingKey[]) {
    const value = options[optionOf(key)?.attributeName() ?? ''];
    if (value === true) flags[key] = 'true';
    if (typeof value === 'string') flags[key] = value;
  }
  return flags;
}

function readFile(path: string): string {
  return readFileSync(path, 'utf8');
}

export function loadCommandConfig(
  options: Readonly<Record<string, unknown>>,
  mode: Mode,
  io: Io,
): LoadedConfig {
  return loadConfig(flagsFrom(options), io.env, mode, { cwd: io.cwd, readFile });
}

/** The configuration, warnings told. Throws `ConfigurationError` with every problem. */
export function requireConfig(options: Readonly<Record<string, unknown>>, mode: Mode, io: Io): Config {
  const loaded = loadCommandConfig(options, mode, io);
  for (const warning of loaded.warnings) writeNote(io, `${io.paint('yellow', 'warning:')} ${warning}`);
  if (!loaded.ok) throw new ConfigurationError(loaded.problems);
  return loaded.config;
}
