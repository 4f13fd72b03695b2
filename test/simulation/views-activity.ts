/**
 * Views without an owning row: one with an entry for each user, and one with an entry for each user
 * and window of time, which lets old entries go.
 */
import { bigint } from '../../src/types/declare.ts'
import { averageOf } from '../../src/view/aggregates/average-of.ts'
import { countsOf } from '../../src/view/aggregates/counts-of.ts'
import { earliestOf } from '../../src/view/aggregates/earliest-of.ts'
import { latestOf } from '../../src/view/aggregates/latest-of.ts'
import { maxOf } from '../../src/view/aggregates/max-of.ts'
import { minOf } from '../../src/view/aggregates/min-of.ts'
import { sumOf } from '../../src/view/aggregates/sum-of.ts'
import { topOf } from '../../src/view/aggregates/top-of.ts'
import { eq, gt, inArray, isNotNull } from '../../src/view/condition.ts'
import { countOf, defineView } from '../../src/view/define-view.ts'
import type { View } from '../../src/view/view.ts'
import { windowOf } from '../../src/view/window-of.ts'
import { windowSeconds } from './keys.ts'

const of = bigint('pieces')
const place = bigint('place_id')
const sale = bigint('sale_id')

function sales(by: string | readonly string[]) {
  return {
    /** No other number tells that there are sales: what was given back may leave nothing of it. */
    pieces: sumOf('sales', { by, of }),
    bought: sumOf('sales', { by, of, where: [gt(of, 0)] }),
    mean: averageOf('sales', { by, of, digits: 2 }),
    least: minOf('sales', { by, of, key: sale }),
    most: maxOf('sales', { by, of, key: sale }),
    lastSales: latestOf('sales', { by, order: sale, key: sale, most: 2, fields: { sale, of } }),
    firstSales: earliestOf('sales', {
      by,
      order: of,
      key: sale,
      most: 2,
      fields: { sale },
      where: [isNotNull(of)],
    }),
  }
}

function visits(by: string | readonly string[]) {
  return {
    visits: countOf('visits', { by }),
    home: countOf('visits', { by, where: [eq(place, 1)] }),
    places: countsOf('visits', { by, item: place }),
    topPlaces: topOf('visits', { by, item: place, most: 1, where: [inArray(place, [1, 2])] }),
  }
}

const user = { name: 'user-activity', key: { userId: 'bigint' } } as const
const ofUser = { ...sales('user_id'), ...visits('user_id') }
const followers = countOf('follows', { by: 'followee_id' })

export const firstOfUser = defineView({
  ...user,
  aggregates: { pieces: ofUser.pieces, places: ofUser.places },
})

export const laterOfUser: readonly View[] = [
  defineView({
    ...user,
    aggregates: {
      pieces: ofUser.pieces,
      places: ofUser.places,
      followers,
      lastSales: ofUser.lastSales,
      least: ofUser.least,
      // Of the same rows, and so of the same items.
      most: ofUser.most,
    },
  }),
  // The same names mean something else.
  defineView({
    ...user,
    aggregates: {
      pieces: ofUser.bought,
      places: countsOf('visits', { by: 'place_id', item: bigint('user_id') }),
      visits: ofUser.visits,
    },
  }),
  // Which rows, and what of them.
  defineView({
    ...user,
    aggregates: {
      mean: ofUser.mean,
      most: ofUser.most,
      firstSales: ofUser.firstSales,
      home: ofUser.home,
      topPlaces: ofUser.topPlaces,
      followers,
    },
  }),
  // One table less.
  defineView({ ...user, aggregates: { pieces: ofUser.pieces } }),
]

/** How long entries of windows are kept at first, seconds. */
export const keepSeconds = 200

const forEver = {
  name: 'window-activity',
  key: { userId: 'bigint', start: windowOf('timestamptz', `${windowSeconds} seconds`) },
} as const
const window = { ...forEver, keep: `${keepSeconds} seconds` } as const
const ofWindow = { ...sales(['user_id', 'at']), ...visits(['user_id', 'at']) }

export const firstOfWindow = defineView({
  ...window,
  aggregates: { visits: ofWindow.visits, pieces: ofWindow.pieces },
})

export const laterOfWindow: readonly View[] = [
  defineView({
    ...window,
    aggregates: {
      visits: ofWindow.visits,
      pieces: ofWindow.pieces,
      places: ofWindow.places,
      lastSales: ofWindow.lastSales,
      mean: ofWindow.mean,
    },
  }),
  // Kept for a little shorter, and the same name means something else.
  defineView({
    ...window,
    keep: '185 seconds',
    aggregates: {
      visits: countOf('visits', { by: ['place_id', 'at'] }),
      bought: ofWindow.bought,
      firstSales: ofWindow.firstSales,
    },
  }),
  // Much shorter.
  defineView({
    ...window,
    keep: '60 seconds',
    aggregates: { pieces: ofWindow.pieces, topPlaces: ofWindow.topPlaces },
  }),
  // Longer.
  defineView({
    ...window,
    keep: '300 seconds',
    aggregates: { visits: ofWindow.visits, most: ofWindow.most, home: ofWindow.home },
  }),
  // For ever.
  defineView({
    ...forEver,
    aggregates: { visits: ofWindow.visits, least: ofWindow.least },
  }),
]
