import { MillraceError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import type { ViewLayout } from '../../mutation.ts'
import type { ViewStore } from '../store.ts'

export type PostgresStoreOptions = {
  readonly url: string
  readonly layout: ViewLayout
  readonly callTimeoutMs: number
  readonly log?: Log
}

export async function openPostgresStore(_options: PostgresStoreOptions): Promise<ViewStore> {
  throw new MillraceError('store-refused', 'this release keeps no views in Postgres')
}
