// SPDX-License-Identifier: Apache-2.0
// What the settings are called, and what to know of each. Ranges are added by the form.
export interface FieldText {
  label: string;
  hint?: string;
}
type FieldTexts = Record<string, FieldText>;

const name = (where: string): FieldText => ({label: 'Name', hint: `A-Z a-z 0-9 _ -; unique ${where}, cannot be changed.`});
const description: FieldText = {label: 'Description'};

export const groupTexts: FieldTexts = {name: name('on this server'), description};

export const channelTexts: FieldTexts = {
  name: name('in its group'),
  description,
  protocol: {label: 'What the encoder sends', hint: 'Cannot be changed.'},
  segmentDuration: {label: 'Segment duration (s)', hint: 'As the encoder is set; default 6.'},
  segments: {label: 'Segments in a manifest', hint: 'The default of its endpoints; default 3.'},
};

export const endpointTexts: FieldTexts = {
  name: name('in its channel'),
  protocol: {label: 'Protocol', hint: 'Cannot be changed.'},
  description,
  manifestName: {label: 'Manifest name', hint: 'Without its suffix; A-Z a-z 0-9 _ -. Default: manifest.'},
  timeShiftDays: {label: 'Time shift (days)', hint: 'How far back players may go; 0: they may not.'},
  segmentDuration: {label: 'Segment duration (s)', hint: "At least; default the channel's."},
  audioSeparation: {label: 'Audio in segments of its own'},
  authorizationCode: {label: 'Authorization code', hint: 'Players must send it. A-Z a-z 0-9 - . and _ only.'},
  previousAuthorizationCode: {label: 'Previous code', hint: 'Still accepted, for a change without an outage.'},
  ipWhitelist: {label: 'IP whitelist', hint: 'Addresses and CIDR blocks; when there are any, only these may play.'},
  ipBlacklist: {label: 'IP blacklist', hint: 'These may not play, whatever the whitelist says.'},
  errorOnStale: {label: '404 while the input is late', hint: 'So that a CDN can ask another origin.'},
  cdnCacheable: {label: 'CDNs may store answers', hint: 'Although an authorization code is set.'},
  'manifest.segments': {label: 'Segments in a playlist', hint: "Default the channel's."},
  'manifest.programDateTimeInterval': {label: 'Date tags every (s)', hint: 'EXT-X-PROGRAM-DATE-TIME; empty: none.'},
  'manifest.minBufferTime': {label: 'minBufferTime (s)', hint: 'Default two segments.'},
  'manifest.minUpdatePeriod': {label: 'minimumUpdatePeriod (s)', hint: 'Default two segments.'},
  'manifest.suggestedPresentationDelay': {label: 'suggestedPresentationDelay (s)', hint: 'Default three segments.'},
  'manifest.manifestWindow': {label: 'Window (s)', hint: 'Default 60; never less than the delay and two segments.'},
  'manifest.minVideoBitrate': {label: 'Lowest video bitrate (bit/s)', hint: 'Variants below are left out.'},
  'manifest.maxVideoBitrate': {label: 'Highest video bitrate (bit/s)', hint: 'Variants above are left out.'},
  'manifest.streamOrder': {label: 'Order of variants'},
  drm: {label: 'Encrypt video and audio', hint: 'A change gives all segments new URLs at once.'},
  'drm.systems': {label: 'Systems', hint: 'DASH: Widevine and PlayReady. FairPlay needs SAMPLE-AES.'},
  'drm.providerUrl': {label: 'Key server (SPEKE)', hint: 'https at a public address, or what --outbound-allow names.'},
  'drm.encryptionMethod': {label: 'Method'},
  'drm.keyPreset': {label: 'Keys'},
  'drm.spekeVersion': {label: 'SPEKE version'},
  'drm.rotationPeriod': {label: 'New keys every (s)', hint: '0: never; else 60 to 604800.'},
  'drm.contentId': {label: 'Content id', hint: 'Belongs to one channel for ever; default: made by Tarn.'},
  'drm.constantIv': {label: 'Constant IV', hint: "Hexadecimal, SAMPLE-AES only; default the key server's."},
};

export const rotationTexts: FieldTexts = {
  gracePeriod: {label: 'The old ones hold for (s)', hint: '0: they end at once.'},
};

export const taskTexts: FieldTexts = {
  endpoint: {label: 'Endpoint', hint: 'One with time shift.'},
  start: {label: 'Start (UTC)', hint: 'Like 2026-01-31T12:00:00Z; not older than the endpoint keeps.'},
  end: {label: 'End (UTC)', hint: 'May be in the future.'},
  'target.url': {label: 'URL', hint: 'file:PATH below the collection root, s3://BUCKET/PREFIX or oss://BUCKET/PREFIX.'},
  'target.endpoint': {label: "The store's base URL", hint: "Default: AWS's or Alibaba's of the region."},
  'target.region': {label: 'Region'},
  'target.credentials': {label: 'Credentials', hint: 'Name of an entry of --bucket-credentials.'},
  'target.pathStyle': {label: 'Bucket in the path', hint: "Not in the host's name."},
};

export const sections: Record<string, string> = {
  access: 'Access', manifest: 'Manifest', drm: 'Encryption', target: 'Target',
};

export const choices: Record<string, string> = {
  HLS: 'HLS (MPEG-TS)',
  HLS_CMAF: 'HLS (CMAF)',
  DASH: 'MPEG-DASH',
  ORIGINAL: 'As the encoder lists them',
  BITRATE_ASCENDING: 'Lowest bitrate first',
  BITRATE_DESCENDING: 'Highest bitrate first',
  SAMPLE_AES: 'SAMPLE-AES (cbcs)',
  CENC: 'CENC (cenc)',
  SHARED: 'One key for all tracks',
  VIDEO_AUDIO: 'One for video, one for audio',
  FAIRPLAY: 'FairPlay',
  WIDEVINE: 'Widevine',
  PLAYREADY: 'PlayReady',
  '2.0': '2.0 (CPIX 2.3)',
  '1.0': '1.0 (CPIX 2.0)',
};
