/** How a page looks: the reader's own faces, one column, light or dark by the reader's setting. */
export const pageStyle = `
:root{color-scheme:light dark;--ink:#1f2328;--soft:#59636e;--paper:#fff;--line:#d1d9e0;--shade:#f6f8fa;--link:#0757ba}
@media(prefers-color-scheme:dark){:root{--ink:#d1d7e0;--soft:#9198a1;--paper:#0d1117;--line:#3d444d;--shade:#151b23;--link:#6cb0ff}}
*{box-sizing:border-box}
body{margin:0 auto;padding:2rem 1rem 4rem;max-width:74rem;color:var(--ink);background:var(--paper);font:16px/1.55 system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif}
h1{font-size:1.9rem;line-height:1.2;margin:0 0 .5rem;overflow-wrap:anywhere}
h2{font-size:1.3rem;margin:2.5rem 0 .6rem;padding-bottom:.25rem;border-bottom:1px solid var(--line)}
h3{font-size:1rem;margin:1rem 0 .3rem}
p{max-width:46rem;margin:.5rem 0;overflow-wrap:anywhere}
header p{color:var(--soft)}
a{color:var(--link)}
nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;list-style:none;margin:1rem 0 0;padding:0}
.table{overflow-x:auto;margin:1rem 0}
table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
caption{text-align:left;color:var(--soft);padding-bottom:.35rem}
th,td{padding:.3rem 1.2rem .3rem 0;text-align:left;border-bottom:1px solid var(--line);vertical-align:top;unicode-bidi:isolate}
tbody th{font-weight:400}
.right{text-align:right;white-space:nowrap}
pre{background:var(--shade);border:1px solid var(--line);border-radius:6px;padding:.75rem;overflow-x:auto;font:.85rem/1.45 ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;white-space:pre-wrap;overflow-wrap:anywhere}
.figures{display:flex;flex-wrap:wrap;gap:1.25rem 1.75rem;margin:1rem 0}
figure{margin:0;max-width:100%}
figcaption{contain:inline-size;overflow-wrap:anywhere;font-size:.9rem;color:var(--soft);margin-bottom:.3rem}
svg{display:block;max-width:100%;height:auto}
.side-by-side{display:grid;grid-template-columns:repeat(auto-fit,minmax(18rem,1fr));gap:0 1.75rem}
blockquote{margin:.25rem 0;padding:.6rem .9rem;background:var(--shade);border-left:3px solid var(--line);white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:isolate}
@media print{nav{display:none}section{break-inside:avoid-page}}
`.trim()
