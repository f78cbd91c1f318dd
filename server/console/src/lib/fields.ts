// SPDX-License-Identifier: Apache-2.0
// The settings of each resource as forms show them. Paths are those of the API, which its errors name too; ranges are those
// of docs/api/openapi.json (tests/e2e/console_forms.mjs compares them).
import type {Protocol} from '../api/types';

export interface Field {
  path: string;
  kind: 'text' | 'number' | 'choice' | 'check' | 'list' | 'secret' | 'set' | 'time';
  min?: number; // of a number, or characters of a text
  max?: number;
  choices?: readonly string[];
  only?: readonly Protocol[]; // other protocols do not have it
  section?: string;
  drm?: boolean; // part of the encryption, gone while that is off
  required?: boolean;
  fixed?: boolean; // cannot be changed
  wide?: boolean;
}

const name: Field = {path: 'name', kind: 'text', min: 1, max: 200, required: true, fixed: true};
const description: Field = {path: 'description', kind: 'text', max: 1000, wide: true};

export const groupFields: readonly Field[] = [name, description];

export const channelFields: readonly Field[] = [
  name,
  {path: 'protocol', kind: 'choice', choices: ['HLS', 'HLS_CMAF'], fixed: true},
  description,
  {path: 'segmentDuration', kind: 'number', min: 1, max: 30},
  {path: 'segments', kind: 'number', min: 2, max: 100},
];

const hls: readonly Protocol[] = ['HLS', 'HLS_CMAF'];
const dash: readonly Protocol[] = ['DASH'];
const encryptable: readonly Protocol[] = ['HLS_CMAF', 'DASH'];

const drmFields: readonly Field[] = [
  {path: 'drm.systems', kind: 'set', choices: ['FAIRPLAY', 'WIDEVINE', 'PLAYREADY'], required: true, wide: true},
  {path: 'drm.providerUrl', kind: 'text', min: 1, max: 512, required: true, wide: true},
  {path: 'drm.encryptionMethod', kind: 'choice', choices: ['SAMPLE_AES', 'CENC']},
  {path: 'drm.keyPreset', kind: 'choice', choices: ['SHARED', 'VIDEO_AUDIO']},
  {path: 'drm.spekeVersion', kind: 'choice', choices: ['2.0', '1.0']},
  {path: 'drm.rotationPeriod', kind: 'number', min: 0, max: 604800},
  {path: 'drm.contentId', kind: 'text', min: 1, max: 200},
  {path: 'drm.constantIv', kind: 'text', min: 32, max: 32},
].map((field) => ({...field, section: 'drm', drm: true, only: encryptable}) as Field);

export const endpointFields: readonly Field[] = [
  name,
  {path: 'protocol', kind: 'choice', choices: ['HLS', 'HLS_CMAF', 'DASH'], fixed: true},
  description,
  {path: 'manifestName', kind: 'text', min: 1, max: 150},
  {path: 'timeShiftDays', kind: 'number', min: 0, max: 30},
  {path: 'segmentDuration', kind: 'number', min: 1, max: 30},
  {path: 'audioSeparation', kind: 'check', only: ['HLS']},

  {path: 'authorizationCode', kind: 'secret', min: 1, max: 200, section: 'access'},
  {path: 'previousAuthorizationCode', kind: 'secret', min: 1, max: 200, section: 'access'},
  {path: 'ipWhitelist', kind: 'list', section: 'access'},
  {path: 'ipBlacklist', kind: 'list', section: 'access'},
  {path: 'errorOnStale', kind: 'check', section: 'access'},
  {path: 'cdnCacheable', kind: 'check', section: 'access'},

  {path: 'manifest.segments', kind: 'number', min: 2, max: 100, only: hls, section: 'manifest'},
  {path: 'manifest.programDateTimeInterval', kind: 'number', min: 1, max: 3600, only: hls, section: 'manifest'},
  {path: 'manifest.minBufferTime', kind: 'number', min: 1, max: 30, only: dash, section: 'manifest'},
  {path: 'manifest.minUpdatePeriod', kind: 'number', min: 1, max: 3600, only: dash, section: 'manifest'},
  {path: 'manifest.suggestedPresentationDelay', kind: 'number', min: 1, max: 60, only: dash, section: 'manifest'},
  {path: 'manifest.manifestWindow', kind: 'number', min: 1, max: 3600, only: dash, section: 'manifest'},
  {path: 'manifest.minVideoBitrate', kind: 'number', min: 0, max: 1e12, section: 'manifest'},
  {path: 'manifest.maxVideoBitrate', kind: 'number', min: 0, max: 1e12, section: 'manifest'},
  {path: 'manifest.streamOrder', kind: 'choice', section: 'manifest',
    choices: ['ORIGINAL', 'BITRATE_ASCENDING', 'BITRATE_DESCENDING']},

  {path: 'drm', kind: 'check', section: 'drm', only: encryptable, wide: true},
  ...drmFields,
];

export const rotationFields: readonly Field[] = [{path: 'gracePeriod', kind: 'number', min: 0, max: 604800, wide: true}];

export const taskFields: readonly Field[] = [
  {path: 'endpoint', kind: 'choice', required: true, wide: true},
  {path: 'start', kind: 'time', required: true},
  {path: 'end', kind: 'time', required: true},
  {path: 'target.url', kind: 'text', required: true, wide: true, section: 'target'},
  {path: 'target.endpoint', kind: 'text', wide: true, section: 'target'},
  {path: 'target.region', kind: 'text', section: 'target'},
  {path: 'target.credentials', kind: 'text', section: 'target'},
  {path: 'target.pathStyle', kind: 'check', section: 'target'},
];
