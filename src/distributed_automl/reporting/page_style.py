"""The page's style sheet."""

from distributed_automl.reporting.style import FONT, INK, MUTED, OURS, RULE

CSS = f"""
*{{box-sizing:border-box}}
body{{margin:0;background:#fff;color:{INK};font:16px/1.5 {FONT};font-variant-numeric:tabular-nums}}
main{{max-width:1080px;margin:0 auto;padding:40px 32px 64px}}
header{{border-bottom:1px solid {RULE};padding-bottom:12px;margin-bottom:24px}}
h1{{font-size:30px;line-height:1.2;margin:0 0 4px;letter-spacing:-.01em}}
header p{{margin:0;max-width:none;color:{MUTED};display:flex;flex-wrap:wrap;gap:4px 24px;justify-content:space-between}}
.run{{font-size:14px}}
.verdict{{font-size:22px;line-height:1.4;max-width:46em;margin:0 0 28px;letter-spacing:-.005em}}
.tiles{{display:grid;grid-template-columns:repeat(auto-fit,minmax(190px,1fr));gap:1px;
border:1px solid {RULE};border-radius:8px;overflow:hidden}}
.tile{{box-shadow:0 0 0 1px {RULE};padding:16px 18px;font-size:14px;color:{MUTED}}}
.tile .label{{color:{INK}}}
.tile .value{{color:{INK};font-size:28px;line-height:1.3;font-weight:600;letter-spacing:-.01em}}
section{{margin-top:48px}}
h2{{font-size:20px;line-height:1.3;margin:0 0 6px;letter-spacing:-.005em}}
h3{{font-size:16px;margin:12px 0 6px}}
p{{margin:0 0 12px;max-width:46em}}
.note{{color:{MUTED};font-size:14px;margin-top:4px}}
.plot{{margin:0 0 8px}}
.pair{{display:grid;grid-template-columns:1fr;gap:20px}}
.scroll{{overflow-x:auto}}
table{{border-collapse:collapse;width:100%;font-size:14px}}
th{{font-weight:600;color:{MUTED};vertical-align:bottom;white-space:nowrap}}
th,td{{padding:7px 0 7px 16px;border-bottom:1px solid {RULE}}}
th:first-child,td:first-child{{padding-left:0}}
td{{vertical-align:top}}
.number{{text-align:right;white-space:nowrap}}
.text{{text-align:left}}
.bar{{text-align:left;width:30%}}
td.bar div{{display:grid;grid-template-columns:4.2em 1fr;align-items:center}}
td.bar div::after{{content:"";height:12px;width:calc(var(--share)*100%);background:{OURS};border-radius:1px}}
.long{{text-align:left;width:38%}}
td.long div{{max-height:4.6em;overflow-y:auto;color:{MUTED};overflow-wrap:anywhere}}
details summary{{cursor:pointer;font-size:20px;font-weight:600}}
dl{{display:grid;grid-template-columns:max-content 1fr;gap:8px 24px;margin:14px 0 0}}
dt{{font-weight:600}}
dd{{margin:0;max-width:44em}}
@media(max-width:860px){{main{{padding:28px 20px 48px}}.verdict{{font-size:19px}}.pair{{grid-template-columns:1fr}}
th,td{{padding-left:10px}}.bar{{width:22%}}}}
@media print{{section{{break-inside:avoid}}main{{padding:0}}}}
"""
