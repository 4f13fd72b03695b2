import { join } from 'node:path'
import { MillraceError } from '../errors.ts'
import type { Passwords } from './source.ts'
import { inDatabase, sourceDatabase, viewsDatabase } from './source.ts'
import { chainFolder } from './folders.ts'
import type { Ports } from './ports.ts'
import { readFile } from './small-files.ts'

/** What roles of Millrace, tests and `npm run …` commands find a chain by. */
export type ChainEnv = Readonly<Record<string, string>>

export function chainEnvPath(folder: string): string {
  return join(folder, 'chain.env.json')
}

/**
 * The `MILLRACE_*` variables of the chain that was started in this clone (or in `MILLRACE_FOLDER`),
 * none when there is none. What the environment itself has goes before these.
 */
export function loadChainEnv(
  env: Readonly<Record<string, string | undefined>> = process.env,
): Record<string, string> {
  const kept = readFile(chainEnvPath(chainFolder(env)))
  return (kept as Record<string, string> | undefined) ?? {}
}

export type ChainUrls = {
  readonly api: string
  /** By the role that owns the application's tables. */
  readonly source: string
  readonly redis: string
  /** `host:port`. */
  readonly kafka: string
  /** Base of the Confluent API. */
  readonly registry: string
  readonly connect: string
}

export function urlsOf(env: ChainEnv): ChainUrls {
  const value = (name: string) => env[name] ?? ''
  return {
    api: `http://127.0.0.1:${value('MILLRACE_API_PORT')}`,
    source: value('MILLRACE_SOURCE_APP'),
    redis: value('MILLRACE_REDIS'),
    kafka: value('MILLRACE_KAFKA'),
    registry: value('MILLRACE_REGISTRY'),
    connect: value('MILLRACE_CONNECT'),
  }
}

/** The source of the chain that runs on this machine, by the role of the application. */
export function sourceOfChain(): string {
  const source = process.env.MILLRACE_SOURCE_APP ?? loadChainEnv().MILLRACE_SOURCE_APP
  if (source) return source
  throw new MillraceError(
    'no-chain',
    'no chain was started here, so there is no source to write to',
    { hint: 'Run npm start in another terminal, or name the database with --source.' },
  )
}

export function envOf(ports: Ports, passwords: Passwords): ChainEnv {
  const admin = `postgres://postgres:${passwords.postgres}@127.0.0.1:${ports.postgres}/postgres`
  return {
    MILLRACE_KAFKA: `127.0.0.1:${ports.kafka}`,
    MILLRACE_REGISTRY: `http://127.0.0.1:${ports.registry}/apis/ccompat/v7`,
    MILLRACE_CONNECT: `http://127.0.0.1:${ports.connect}`,
    MILLRACE_CONNECTOR: 'millrace',
    MILLRACE_SOURCE: inDatabase(admin, sourceDatabase, ['millrace', passwords.millrace]),
    MILLRACE_SOURCE_APP: inDatabase(admin, sourceDatabase, ['millrace_app', passwords.app]),
    MILLRACE_SOURCE_ADMIN: admin,
    MILLRACE_POSTGRES: inDatabase(admin, viewsDatabase, ['millrace', passwords.millrace]),
    MILLRACE_REDIS: `redis://127.0.0.1:${ports.redis}`,
    MILLRACE_API_HOST: '127.0.0.1',
    MILLRACE_API_PORT: String(ports.api),
  }
}

/** The variables that `connectors/millrace.json` refers to, for Connect's own environment. */
export function captureEnv(env: ChainEnv, passwords: Passwords): ChainEnv {
  const source = new URL(env.MILLRACE_SOURCE ?? '')
  const registry = new URL(env.MILLRACE_REGISTRY ?? '')
  return {
    MILLRACE_CAPTURE_HOST: source.hostname,
    MILLRACE_CAPTURE_PORT: source.port,
    MILLRACE_CAPTURE_DATABASE: source.pathname.slice(1),
    MILLRACE_CAPTURE_USER: 'millrace_capture',
    MILLRACE_CAPTURE_PASSWORD: passwords.capture,
    // The converter speaks the registry's own protocol, everybody else Confluent's.
    MILLRACE_CAPTURE_REGISTRY: `${registry.origin}/apis/registry/v2`,
  }
}
