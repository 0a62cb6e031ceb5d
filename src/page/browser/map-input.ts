import type { MapView } from './map-view.js';
import type { Place } from './map-marks.js';

export interface MapInputOptions {
  readonly canvas: HTMLCanvasElement;
  readonly tip: HTMLElement;
  readonly view: MapView;
  /** What stands there, in words; `''` for nothing. */
  readonly describe: (place: Place) => string;
  /** Something was moved or zoomed. */
  readonly onMove: () => void;
  readonly onClick: (at: ReturnType<MapView['at']>) => void;
  readonly onKey: (event: KeyboardEvent) => boolean;
}

/** A wheel turned by more than that at once is turned by that. */
const MAX_WHEEL = 240;

/** The pointer, the wheel and the keys over the map. */
export function listenToMap({ canvas, tip, view, describe, onMove, onClick, onKey }: MapInputOptions): void {
  let drag: { readonly x: number; readonly y: number; readonly isMoved: boolean } | undefined;
  const at = (event: MouseEvent) => {
    const box = canvas.getBoundingClientRect();
    return view.at(event.clientX - box.left, event.clientY - box.top);
  };
  const hover = (event: MouseEvent) => {
    const text = describe(at(event));
    tip.hidden = text === '';
    if (text === '') return;
    tip.textContent = text;
    const box = canvas.getBoundingClientRect();
    tip.style.left = `${Math.max(0, Math.min(event.clientX - box.left + 14, box.width - tip.offsetWidth - 4))}px`;
    tip.style.top = `${Math.max(0, Math.min(event.clientY - box.top + 16, box.height - tip.offsetHeight - 4))}px`;
  };
  canvas.addEventListener('pointerdown', ({ clientX: x, clientY: y }) => (drag = { x, y, isMoved: false }));
  canvas.addEventListener('pointermove', (event) => {
    if (!drag || event.buttons === 0) return hover(event);
    const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
    if (!drag.isMoved && Math.hypot(dx, dy) < 4) return;
    if (!drag.isMoved) canvas.setPointerCapture(event.pointerId);
    view.pan(-dx, -dy);
    drag = { x: event.clientX, y: event.clientY, isMoved: true };
    tip.hidden = true;
    onMove();
  });
  canvas.addEventListener('pointerleave', () => (tip.hidden = true));
  canvas.addEventListener('pointercancel', () => (drag = undefined));
  canvas.addEventListener('click', (event) => {
    const isDrag = drag?.isMoved === true;
    drag = undefined;
    if (!isDrag) onClick(at(event));
  });
  const onWheel = (event: WheelEvent) => {
    if (view.isWhole && event.deltaY > 0 && !event.ctrlKey) return; // the page scrolls
    event.preventDefault();
    const { x, y } = at(event);
    view.zoom(Math.exp(-Math.max(-MAX_WHEEL, Math.min(MAX_WHEEL, event.deltaY)) / 300), Math.max(0, x), Math.max(0, y));
    onMove();
  };
  canvas.addEventListener('wheel', onWheel, { passive: false });
  canvas.addEventListener('keydown', (event) => {
    if (onKey(event)) event.preventDefault();
  });
  for (const name of ['focus', 'blur']) canvas.addEventListener(name, onMove);
}
