// What the panel says to its view.
import type { Frame, Scene } from "./film";

/** To the view: a film begins, or goes on by one frame. */
export type ToView = { readonly kind: "film"; readonly scene: Scene; readonly frames: readonly Frame[] } | { readonly kind: "frame"; readonly frame: Frame };
