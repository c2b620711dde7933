// SPDX-License-Identifier: Apache-2.0

// The light build, without captions and DRM, has no types of its own; it is the same interface.
declare module 'hls.js/light' {
  export * from 'hls.js';
  export { default } from 'hls.js';
}
