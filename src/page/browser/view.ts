/** What of one direction of the map is seen: `count` things of `size` pixels each, moved by `offset`, in `room` pixels. */
export class Axis {
  size = 1;
  offset = 0;
  count = 0;
  room = 1;
  readonly #most: number;
  readonly #widest: number;

  /** `most`: pixels of one where one zooms in; `widest`: where a few are all there is. */
  constructor(most: number, widest: number) {
    this.#most = most;
    this.#widest = widest;
  }

  get isWhole(): boolean {
    return this.size * this.count <= this.room + 0.5;
  }

  get isLargest(): boolean {
    return this.size >= this.#most;
  }

  get first(): number {
    return Math.max(0, Math.floor(this.offset / this.size));
  }

  /** After the last one that is seen. */
  get end(): number {
    return Math.min(this.count, Math.ceil((this.offset + this.room) / this.size));
  }

  get #fitting(): number {
    return Math.min(this.#widest, this.room / Math.max(1, this.count));
  }

  equals({ size, offset, count, room }: Axis): boolean {
    return size === this.size && offset === this.offset && count === this.count && room === this.room;
  }

  fit(): void {
    this.size = this.#fitting;
    this.offset = 0;
  }

  /** What is at `at` pixels stays there. */
  zoom(factor: number, at: number): void {
    const size = Math.max(this.#fitting, Math.min(this.size * factor, Math.max(this.#most, this.#fitting)));
    this.offset = ((this.offset + at) * size) / this.size - at;
    this.size = size;
    this.clamp();
  }

  pan(by: number): void {
    this.offset += by;
    this.clamp();
  }

  clamp(): void {
    this.size = Math.max(this.size, this.#fitting);
    this.offset = Math.max(0, Math.min(this.offset, this.size * this.count - this.room));
  }

  show(index: number): void {
    this.offset = Math.min(this.offset, index * this.size);
    this.offset = Math.max(this.offset, (index + 1) * this.size - this.room);
    this.clamp();
  }

  /** Those from `start` to `end` fill the room, as far as they may. */
  showAll(start: number, end: number): void {
    this.size = Math.max(this.#fitting, Math.min(this.#most, this.room / (end - start)));
    this.offset = start * this.size;
    this.clamp();
  }

  at(pixel: number): number {
    const index = Math.floor((pixel + this.offset) / this.size);
    return pixel < 0 || pixel > this.room || index >= this.count ? -1 : index;
  }

  toPixel(index: number): number {
    return index * this.size - this.offset;
  }
}
