// SPDX-License-Identifier: Apache-2.0
// The build for browsers of this decade has the types of the one the package names.
declare module 'shaka-player/dist/shaka-player.compiled-es2021.js' {
  export {default} from 'shaka-player/dist/shaka-player.compiled-es2021';
}
