/** Reads the settings of a process: the environment before the configuration file before defaults. */
import { nameFaults, variableOf, type Environment } from './environment.ts'
import { MillraceError } from './errors.ts'
import { didYouMean, nearest } from './nearest.ts'
import {
  nameInFile,
  settingNames,
  settings,
  type Config,
  type ConfiguredRole,
  type Setting,
} from './settings.ts'

export type { Config, ConfiguredRole, Setting } from './settings.ts'

/** What a configuration file says, not looked at yet. */
export type FileValues = {
  /** As messages name it. */
  readonly name: string
  readonly values: Readonly<Record<string, unknown>>
}

export type ConfigSources = {
  readonly env: Environment
  readonly file?: FileValues | undefined
  /** Without one, every setting is read. */
  readonly role?: ConfiguredRole | undefined
  /** What else is wrong, to be said together with the rest. */
  readonly wrong?: readonly string[]
}

/** The variable of every setting. */
export const settingVariables: readonly string[] = settingNames.map(variableOf)

/** The variables that a role reads. */
export function variablesOf(role: ConfiguredRole): readonly string[] {
  return settingsOf(role).map(variableOf)
}

/** The settings of the environment alone. */
export function readConfig(env: Environment, role?: ConfiguredRole): Config {
  return configOf({ env, role })
}

/**
 * Says everything that is wrong at once, never with a value: it may hold a password. With a role,
 * only what that role needs is read, and to ask for more is a bug. The answer is frozen.
 */
export function configOf({ env, file, role, wrong = [] }: ConfigSources): Config {
  const said = file ? spread(file) : { faults: [], values: {} }
  const faults = [...nameFaults(env, settingVariables), ...said.faults, ...wrong]
  const config: Record<string, unknown> = {}
  for (const name of settingNames) {
    if (role !== undefined && !settings[name].readers.includes(role)) {
      Object.defineProperty(config, name, { get: () => refuseUnread(role, name) })
      continue
    }
    const given = givenFor(name, env, said.values, file?.name)
    const read = settings[name].form.schema.safeParse(given.value)
    if (read.success) config[name] = read.data
    else faults.push(`${given.where} ${read.error.issues[0]!.message}`)
  }
  refuse(faults)
  if (!isGiven('readFrom', env, said.values)) [config.readFrom] = config.stores as Config['stores']
  return Object.freeze(config) as Config
}

/** The settings that the environment or the file names, so that no default stands for them. */
export function namedSettings({ env, file }: ConfigSources): ReadonlySet<Setting> {
  const values = file ? spread(file).values : {}
  return new Set(settingNames.filter((name) => isGiven(name, env, values)))
}

/** Refuses variables whose names are unknown, for what does not read the configuration. */
export function refuseUnknownVariables(env: Environment): void {
  refuse(nameFaults(env, settingVariables))
}

function settingsOf(role: ConfiguredRole): readonly Setting[] {
  return settingNames.filter((name) => settings[name].readers.includes(role))
}

type Values = Partial<Record<Setting, unknown>>

function isGiven(name: Setting, env: Environment, values: Values): boolean {
  return Boolean(env[variableOf(name)]) || values[name] !== undefined
}

function givenFor(name: Setting, env: Environment, values: Values, file: string | undefined) {
  const variable = variableOf(name)
  const text = env[variable]
  const { form, fallback } = settings[name]
  if (text) return { where: variable, value: form.fromText(text) }
  if (values[name] !== undefined)
    return { where: `${file}: ${nameInFile(name)}`, value: values[name] }
  return { where: variable, value: fallback as unknown }
}

/** The file's values by the settings' names: stores stand there by theirs. */
function spread({ name: file, values }: FileValues): { faults: string[]; values: Values } {
  const { stores, views: _views, ...flat } = values
  const faults: string[] = []
  const all: Values = {}
  const note = (name: string, setting: Setting | undefined, value: unknown) => {
    if (setting !== undefined) all[setting] = value
    else faults.push(`${file}: ${name} is unknown${didYouMean(nearest(name, namesInFile))}`)
  }
  for (const [name, value] of Object.entries(flat)) note(name, settingInFile(name), value)
  if (stores === undefined) return { faults, values: all }
  if (typeof stores !== 'object' || stores === null || Array.isArray(stores)) {
    return {
      faults: [...faults, `${file}: stores must be { redis: '…', postgres: '…' }`],
      values: all,
    }
  }
  const kept = Object.entries(stores).filter(([, value]) => value !== undefined)
  for (const [name, value] of kept) note(`stores.${name}`, settingInFile(`stores.${name}`), value)
  const known = kept.flatMap(([name]) => (settingInFile(`stores.${name}`) ? [name] : []))
  if (known.length > 0) all.stores = known
  return { faults, values: all }
}

const namesInFile: readonly string[] = [
  ...settingNames.filter((name) => name !== 'stores').map(nameInFile),
  'stores',
  'views',
]

function settingInFile(name: string): Setting | undefined {
  return settingNames.find((setting) => setting !== 'stores' && nameInFile(setting) === name)
}

function refuseUnread(role: ConfiguredRole, name: Setting): never {
  throw new Error(`the role ${role} does not read ${variableOf(name)}`)
}

function refuse(faults: readonly string[]): void {
  if (faults.length === 0) return
  throw new MillraceError('config', `the configuration is not usable:\n  ${faults.join('\n  ')}`, {
    hint: 'Set these right, or leave them out for their defaults; SETTINGS.md has every setting.',
  })
}
