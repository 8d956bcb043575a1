// Makes a clone ready to run: installs the dependencies and builds, each only when missing or stale.
// It runs before `npm start`, `npm test` and `npm run check`, so it may use nothing but Node itself.
// It writes to stderr: stdout belongs to the command that comes after it.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from './lock.mjs';

const nodeMinimum = [20, 19];
const outputKeptMaxChars = 256 * 1024;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const nodeModules = join(root, 'node_modules');
const installStamp = join(nodeModules, '.posthorn-install');
const buildStamp = join(nodeModules, '.posthorn-build');
// npm writes this record last, so that a tree without it is a tree that was not finished.
const installRecord = join(nodeModules, '.package-lock.json');

/** An end that the reader can do something about: its message is all that is shown. */
class Refusal extends Error {}

try {
  refuseOldNode();
  if (reasonToInstall() || reasonToBuild()) await prepare();
} catch (error) {
  say(error instanceof Refusal ? error.message : error.stack);
  process.exitCode = 1;
}

async function prepare() {
  await withLock(join(root, '.prepare.lock'), say, async () => {
    const whyInstall = reasonToInstall();
    if (whyInstall) await install(whyInstall);
    const whyBuild = reasonToBuild();
    if (whyBuild) await build(whyBuild);
  });
}

// ---- dependencies

function reasonToInstall() {
  if (!existsSync(nodeModules)) return 'node_modules is missing';
  const wanted = dependencyHash();
  const installed = readOrEmpty(installStamp);
  if (installed === wanted) return '';
  if (matchesLockfile()) {
    writeFileSync(installStamp, wanted);
    return '';
  }
  return installed ? 'package-lock.json or a package.json has changed' : 'node_modules is incomplete';
}

async function install(why) {
  say(`prepare: installing dependencies (${why})…`);
  for (const path of [installStamp, buildStamp, installRecord]) rmSync(path, { force: true });
  const startedAt = performance.now();
  // Development and optional packages are needed here even when NODE_ENV=production or `omit` says otherwise:
  // the compiler is one of the former, the PostgreSQL binaries are among the latter.
  const flags = ['--include=dev', '--include=optional', '--prefer-offline', '--no-audit', '--no-fund'];
  const result = await run(...npmCommand(['ci', ...flags, '--loglevel=error']));
  if (result.code !== 0) throw new Refusal(`${result.output.trim()}\n${whyInstallFailed(result)}`);
  writeFileSync(installStamp, dependencyHash());
  say(`prepare: dependencies installed in ${seconds(startedAt)}`);
}

function whyInstallFailed({ code, output }) {
  if (/ENOTFOUND|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH|ECONNREFUSED|ETIMEDOUT|ERR_SOCKET_TIMEOUT/.test(output)) {
    return 'prepare: npm ci could not reach the registry: no network? Connect (or set npm_config_registry), then run the command again.';
  }
  if (/EUSAGE|can only install packages when/.test(output)) {
    return 'prepare: package.json and package-lock.json disagree: run `npm install` and `npm run lockfile`, then the command again.';
  }
  return `prepare: npm ci failed (exit code ${code}); its output is above.`;
}

/** Changes when the set of installed packages has to; a changed script or description leaves it alone. */
function dependencyHash() {
  const fields = ['name', 'version', 'workspaces', 'bin', 'overrides', 'dependencies'];
  fields.push('devDependencies', 'optionalDependencies', 'peerDependencies');
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}\n`);
  hash.update(readFileSync(join(root, 'package-lock.json')));
  for (const folder of ['', ...workspaceFolders()]) {
    const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    hash.update(JSON.stringify([folder, fields.map((field) => manifest[field])]));
  }
  return hash.digest('hex');
}

/** True after an `npm ci` or `npm install` by hand: npm's own record of the tree equals the lockfile. */
function matchesLockfile() {
  const record = readOrEmpty(installRecord);
  if (!record) return false;
  const installed = JSON.parse(record).packages;
  const locked = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const wanted = Object.entries(locked).filter(([path]) => path.includes('node_modules/'));
  return wanted.every(([path, entry]) => {
    if (!installed[path]) return entry.optional === true || entry.peer === true;
    return isSamePackage(installed[path], entry) && existsSync(join(root, path));
  });
}

function isSamePackage(a, b) {
  return a.version === b.version && a.integrity === b.integrity && a.link === b.link;
}

// ---- build

function reasonToBuild() {
  const state = scan();
  if (state.outputs.length === 0) return 'never built';
  if (state.missing.length > 0) return `${state.missing[0]} is missing`;
  if (readOrEmpty(buildStamp) !== state.signature) return 'sources have changed';
  return '';
}

async function build(why) {
  say(`prepare: building (${why})…`);
  rmSync(buildStamp, { force: true });
  const startedAt = performance.now();
  // Taken before the compiler reads: a file saved meanwhile makes the next run build again.
  const { signature, missing } = scan();
  const tsc = join(nodeModules, 'typescript', 'bin', 'tsc');
  // `tsc -b` trusts its own record and does not notice a deleted output.
  const args = [tsc, '-b', '--pretty', process.stderr.isTTY ? 'true' : 'false'];
  if (missing.length > 0) args.push('--force');
  const result = await run(process.execPath, args);
  if (result.code !== 0)
    throw new Refusal(`${result.output.trim()}\nprepare: the build failed; the reasons are above.`);
  writeFileSync(buildStamp, signature);
  say(`prepare: built in ${seconds(startedAt)}`);
}

/** Looks at names, sizes and times only: a full read would cost more than it saves on every warm start. */
function scan() {
  const hash = createHash('sha256').update(readOrEmpty(installStamp));
  const outputs = [];
  const add = (path) => {
    const { size, mtimeMs } = statSync(join(root, path));
    hash.update(`${path} ${size} ${mtimeMs}\n`);
  };
  for (const path of ['tsconfig.json', 'tsconfig.base.json']) add(path);
  for (const folder of [...workspaceFolders(), 'bench']) {
    if (!existsSync(join(root, folder, 'tsconfig.json'))) continue;
    add(join(folder, 'tsconfig.json'));
    if (folder !== 'bench') add(join(folder, 'package.json'));
    const sources = filesUnder(join(folder, 'src')).filter((path) => path.endsWith('.ts'));
    sources.sort().forEach(add);
    outputs.push(...sources.filter((path) => !path.endsWith('.d.ts')).map((path) => outputOf(folder, path)));
  }
  const missing = outputs.filter((path) => !existsSync(join(root, path)));
  return {
    signature: hash.digest('hex'),
    outputs: outputs.filter((path) => !missing.includes(path)),
    missing,
  };
}

function outputOf(folder, source) {
  return join(folder, 'dist', source.slice(join(folder, 'src').length + 1).replace(/\.ts$/, '.js'));
}

// ---- files and processes

/** The folders of package.json's "workspaces"; only the form `folder/*` is used here. */
function workspaceFolders() {
  const { workspaces } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const parents = workspaces.map((pattern) => pattern.replace(/\/\*$/, ''));
  const folders = parents.flatMap((parent) => entries(parent).map((entry) => join(parent, entry.name)));
  return folders.filter((folder) => existsSync(join(root, folder, 'package.json'))).sort();
}

function filesUnder(folder) {
  return entries(folder).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesUnder(path) : [path];
  });
}

function entries(folder) {
  return existsSync(join(root, folder)) ? readdirSync(join(root, folder), { withFileTypes: true }) : [];
}

function readOrEmpty(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

/** The npm that runs us, by the Node that runs us: neither needs to be on the PATH. */
function npmCommand(args) {
  const npm = process.env.npm_execpath ?? '';
  if (/^npm(-cli)?\.c?js$/.test(basename(npm))) return [process.execPath, [npm, ...args]];
  return [process.platform === 'win32' ? 'npm.cmd' : 'npm', args];
}

/**
 * The environment for a nested npm. npm hands its own command line on as npm_config_*; `npm test -w x` or
 * `--ignore-scripts` would otherwise turn into a partial install. What the user sets (registry, proxy, cache) stays.
 */
function nestedEnvironment() {
  const ofOuterCommand =
    /^npm_(lifecycle_|package_|command$|config_(workspaces?|include_workspace_root|ignore_scripts|dry_run|global|location|omit|include|only|production|package_lock|package_lock_only|if_present|json|local_prefix|call|force)$)/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ofOuterCommand.test(name)));
}

function run(command, args) {
  const options = { cwd: root, env: nestedEnvironment(), stdio: ['ignore', 'pipe', 'pipe'] };
  const child = spawn(command, args, { ...options, shell: command.endsWith('.cmd') });
  let output = '';
  const keep = (chunk) => {
    output = (output + chunk).slice(-outputKeptMaxChars);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.once(signal, () => child.kill(signal));
  }
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ code: 1, output: `${command}: ${error.message}` }));
    child.on('close', (code, signal) => resolve({ code: code ?? signal, output }));
  });
}

function refuseOldNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > nodeMinimum[0] || (major === nodeMinimum[0] && minor >= nodeMinimum[1])) return;
  throw new Refusal(
    `prepare: Posthorn needs Node ${nodeMinimum.join('.')} or newer; this is ${process.versions.node}.`,
  );
}

function seconds(startedAt) {
  return `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
}

function say(line) {
  process.stderr.write(`${line}\n`);
}
