import type { View } from '../view/view.ts'
import { userInformation } from './user-information.ts'

/** Every view that this process keeps or serves. */
export const views: readonly View[] = [userInformation]
