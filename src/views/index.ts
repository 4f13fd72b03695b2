import type { View } from '../view/view.ts'
import { userInformation } from './user-information.ts'

/** Every view that Millrace keeps. */
export const views: readonly View[] = [userInformation]
