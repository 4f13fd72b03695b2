import { MillraceError } from '../../errors.ts'

/** What a server's INFO says about whether it can keep what is promised. */
export type ServerVerdict = {
  /** Why it must not be used at all. */
  readonly unfit: MillraceError | undefined
  /** Why nothing must be written to it: what it holds may be read on. */
  readonly unsafe: MillraceError | undefined
  /** What people should know, each said once. */
  readonly warnings: readonly { readonly message: string; readonly hint: string }[]
}

export function judgeServer(info: string): ServerVerdict {
  const value = (name: string) => new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info)?.[1]
  const valkey = value('valkey_version')
  const version = valkey ?? value('redis_version') ?? 'unknown'
  const name = valkey === undefined ? 'Redis' : 'Valkey'
  const policy = value('maxmemory_policy')
  const warnings = []
  if (policy === undefined) {
    warnings.push({
      message: 'redis does not tell its maxmemory-policy',
      hint: 'Any but noeviction drops entries and counters without a word.',
    })
  }
  if (!isMended(version, valkey === undefined ? mendedRedis : mendedValkey)) {
    warnings.push({
      message: `${name} ${version} may lack the fix of CVE-2025-49844: scripts can take it over`,
      hint:
        'Redis has it since 7.2.11, 7.4.6, 8.0.4 and 8.2.2, Valkey since 7.2.11, 8.0.6 and 8.1.4. ' +
        'Distributions mend older ones, which their version number does not show: Debian does in ' +
        '7.0.15+deb12u6. Let nobody else run scripts there.',
    })
  }
  const unfit = tooOld(name, version) ?? clustered(value('cluster_enabled'))
  return { unfit, unsafe: evictionBy(policy), warnings }
}

/** First versions with the fix, by major and minor; what is newer than all of them has it. */
const mendedRedis = ['7.2.11', '7.4.6', '8.0.4', '8.2.2']
const mendedValkey = ['7.2.11', '8.0.6', '8.1.4']

function isMended(version: string, mended: readonly string[]): boolean {
  const [major, minor, patch] = numbersOf(version)
  const all = mended.map(numbersOf)
  const same = all.find((each) => each[0] === major && each[1] === minor)
  if (same) return patch >= same[2]
  const newest = all.at(-1)!
  return major > newest[0] || (major === newest[0] && minor > newest[1])
}

function numbersOf(version: string): readonly [number, number, number] {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number)
  return [major || 0, minor || 0, patch || 0]
}

function tooOld(name: string, version: string): MillraceError | undefined {
  if (Number.parseInt(version, 10) >= 7) return undefined
  return new MillraceError('store-old', `${name} ${version} is too old`, {
    hint: 'Millrace needs Redis 7 or newer: older ones start scripts that they can not finish.',
  })
}

function clustered(enabled: string | undefined): MillraceError | undefined {
  if (enabled !== '1') return undefined
  return new MillraceError('store-refused', 'Redis Cluster can not keep a view', {
    hint: 'Entries and checkpoints change in one step, which a cluster has for one slot alone.',
  })
}

function evictionBy(policy: string | undefined): MillraceError | undefined {
  if (policy === undefined || policy === 'noeviction') return undefined
  return new MillraceError('store-evicts', `Redis evicts keys: maxmemory-policy is ${policy}`, {
    hint:
      'It would drop counters without a word, so nothing is written until that is mended: ' +
      'CONFIG SET maxmemory-policy noeviction, and in redis.conf.',
  })
}
