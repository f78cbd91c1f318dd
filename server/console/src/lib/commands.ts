// SPDX-License-Identifier: Apache-2.0
// Command lines that push a test picture and a tone, for a POSIX shell. A key frame begins each segment.
import type {Channel, Input} from '../api/types';

const placeholder = 'PASSWORD';
const rate = 25;

function quoted(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function withCredentials(input: Input): string {
  const url = new URL(input.url ?? '');
  const user = encodeURIComponent(input.username ?? '');
  const password = encodeURIComponent(input.password ?? placeholder);
  return `${url.protocol}//${user}:${password}@${url.host}${url.pathname}`;
}

// Options a line as they belong together, so that a long command can be read.
function lines(...groups: string[][]): string {
  return groups.map((words) => words.map(quoted).join(' ')).join(' \\\n  ');
}

const picture = ['-re', '-f', 'lavfi', '-i', `testsrc2=size=1280x720:rate=${rate}`];
const tone = ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000'];

function encoders(channel: Channel): string[][] {
  const gop = String(rate * channel.segmentDuration);
  return [
    ['-c:v', 'libx264', '-preset', 'veryfast', '-g', gop, '-keyint_min', gop, '-sc_threshold', '0'],
    ['-c:a', 'aac', '-b:a', '128k', '-ac', '2'],
  ];
}

const fragmented = (channel: Channel) => channel.protocol === 'HLS_CMAF';

export function single(channel: Channel, input: Input): string {
  const muxer = ['-f', 'hls', '-hls_time', String(channel.segmentDuration), '-hls_list_size', '5'];
  if (fragmented(channel)) muxer.push('-hls_segment_type', 'fmp4');
  return lines(['ffmpeg', ...picture], tone, ['-map', '0:v', '-map', '1:a'], ...encoders(channel), ['-b:v', '2500k'], muxer,
    ['-var_stream_map', 'v:0,a:0,name:hd', '-master_pl_name', masterName(input)],
    ['-method', 'PUT', '-http_persistent', '1', `${withCredentials(input)}-%v.m3u8`]);
}

export function redundant(channel: Channel, inputs: Input[]): string {
  const streams = String.raw`v\:0\,a\:0\,name\:hd v\:1\,a\:1\,name\:sd`;
  const options = (input: Input) => [
    'f=hls', `hls_time=${channel.segmentDuration}`, 'hls_list_size=5', ...(fragmented(channel) ? ['hls_segment_type=fmp4'] : []),
    'method=PUT', 'http_persistent=1', 'onfail=ignore', `var_stream_map='${streams}'`, `master_pl_name=${masterName(input)}`,
  ].join(':');
  const outputs = inputs.map((input) => `[${options(input)}]${withCredentials(input)}-%v.m3u8`).join('|');
  return lines(['ffmpeg', ...picture], tone,
    ['-filter_complex', '[0:v]split=2[hd][s];[s]scale=640:360[sd];[1:a]asplit=2[a][b]'],
    ['-map', '[hd]', '-map', '[a]', '-map', '[sd]', '-map', '[b]'], ...encoders(channel),
    ['-b:v:0', '2500k', '-b:v:1', '800k'], ['-f', 'tee', outputs]);
}

export function gstreamer(channel: Channel, input: Input): string {
  const pipeline = ['gst-launch-1.0 -q mpegtsmux name=mux ! fdsink',
    `videotestsrc is-live=true pattern=ball ! video/x-raw,width=1280,height=720,framerate=${rate}/1 ! ` +
      `x264enc tune=zerolatency key-int-max=${rate * channel.segmentDuration} bitrate=2500 ! h264parse ! mux.`,
    'audiotestsrc is-live=true wave=ticks ! audio/x-raw,rate=48000,channels=2 ! avenc_aac ! aacparse ! mux.'].join(' \\\n  ');
  const muxer = ['-f', 'hls', '-hls_time', String(channel.segmentDuration), '-hls_list_size', '5'];
  if (fragmented(channel)) muxer.push('-hls_segment_type', 'fmp4', '-bsf:a', 'aac_adtstoasc'); // AAC of MPEG-TS is ADTS
  return pipeline + ' | \\\n' + lines(['ffmpeg', '-f', 'mpegts', '-i', 'pipe:0', '-c', 'copy'], muxer,
    ['-var_stream_map', 'v:0,a:0,name:hd', '-master_pl_name', masterName(input)],
    ['-method', 'PUT', '-http_persistent', '1', `${withCredentials(input)}-%v.m3u8`]);
}

// The multivariant playlist is the input's URL with a suffix.
const masterName = (input: Input) => new URL(input.url ?? '').pathname.split('/').at(-1) + '.m3u8';
