// The page of the view. Only its own script runs in it, and nothing in it reaches out to a network.

/** Where the page finds its script and style, and the content-security source that both come from. */
export interface Parts {
  readonly script: string;
  readonly style: string;
  readonly source: string;
  readonly nonce: string;
}

/** The HTML of the page. */
export function markup({ script, style, source, nonce }: Parts): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src ${source} 'unsafe-inline'; script-src 'nonce-${nonce}'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Denoising</title>
<link rel="stylesheet" href="${style}">
</head>
<body>
<main>
  <header>
    <h1 id="title">Waiting for a fill</h1>
    <span class="legend">masked <i class="swatch"></i><i class="ramp" id="ramp"></i> sure</span>
  </header>
  <section id="code" aria-live="polite"><p class="empty">Ask for a fill by hand, and its canvas condenses here.</p></section>
  <section id="controls" hidden>
    <button id="play" title="Play or pause (space)" aria-label="Play or pause"><svg viewBox="0 0 24 24"><path id="glyph"/></svg></button>
    <input id="slider" type="range" min="0" value="0" aria-label="Step">
    <span id="where"></span>
    <button id="speed" title="Speed (s)" aria-label="Speed">1×</button>
  </section>
  <p id="event"></p>
  <section id="rows" hidden><h2>The canvas, one row per step</h2><canvas id="map"></canvas></section>
</main>
<script nonce="${nonce}" src="${script}"></script>
</body>
</html>`;
}
