"""How charts and pages look, by day and by night, with colours that every eye tells apart. Pure.

No colour stands alone: a limit has its dashes and its name, a look beyond it is a square.
"""

_DAY = """
--paper:#ffffff;--panel:#f7f8fa;--ink:#1d2430;--soft:#5d6675;--faint:#9aa3b0;--rule:#e3e7ec;
--before:#7b8aa0;--after:#0a6ebd;--control:#8a5fb0;--like:#b08400;
--good:#00795c;--doubt:#a86400;--bad:#c23b00;
--good-wash:#00795c14;--doubt-wash:#e69f0026;--bad-wash:#d55e0017;--band:#7b8aa024"""
_NIGHT = """
--paper:#12161c;--panel:#181e26;--ink:#e6eaf0;--soft:#a3adbb;--faint:#6d7786;--rule:#2a323d;
--before:#8f9db1;--after:#5cb3ff;--control:#c39be6;--like:#e0b93f;
--good:#2fc79c;--doubt:#f0b04a;--bad:#ff8147;
--good-wash:#2fc79c14;--doubt-wash:#f0b04a1f;--bad-wash:#ff81471c;--band:#8f9db12b"""

COLOURS = f":root{{{_DAY}}}@media(prefers-color-scheme:dark){{:root{{{_NIGHT}}}}}".replace("\n", "")

CHART = (
    ".ga{font:12px/1.3 system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',sans-serif}"
    ".ga text{fill:var(--soft)}"
    ".ga .head{font-size:14px;font-weight:600;fill:var(--ink)}"
    ".ga .halo{paint-order:stroke;stroke:var(--panel);stroke-width:4px;stroke-linejoin:round}"
    ".ga .small{font-size:11px}.ga .mono{font:11px ui-monospace,Menlo,Consolas,monospace}"
    ".ga .end{text-anchor:end}.ga .mid{text-anchor:middle}"
    ".ga .paper{fill:var(--paper)}.ga .panel{fill:var(--panel)}"
    ".ga path{fill:none}.ga .grid{stroke:var(--rule)}"
    ".ga .band{fill:var(--band)}.ga .good-wash{fill:var(--good-wash)}"
    ".ga .doubt-wash{fill:var(--doubt-wash)}.ga .bad-wash{fill:var(--bad-wash)}"
    ".ga .centre{stroke:var(--before);stroke-width:1.2}"
    ".ga .doubt-line{stroke:var(--doubt);stroke-dasharray:2 3}"
    ".ga .bad-line{stroke:var(--bad);stroke-width:1.4;stroke-dasharray:7 4}"
    ".ga .line-before{stroke:var(--before);stroke-width:1.3;stroke-linejoin:round}"
    ".ga .line-after{stroke:var(--after);stroke-width:1.8;stroke-linejoin:round}"
    ".ga .line-control{stroke:var(--control);stroke-width:1.2;stroke-dasharray:4 3}"
    ".ga .line-like{stroke:var(--like);stroke-width:1.2;stroke-dasharray:1 3}"
    ".ga .dot-before{stroke:var(--before);stroke-width:3.4;stroke-linecap:round}"
    ".ga .dot-after{stroke:var(--after);stroke-width:4.6;stroke-linecap:round}"
    ".ga .dot-bad{stroke:var(--bad);stroke-width:6;stroke-linecap:square}"
    ".ga .ring{stroke:var(--bad);stroke-width:1.6}"
    ".ga .switch{stroke:var(--ink);stroke-width:1.2}"
    ".ga .moment-green{stroke:var(--good);stroke-width:1.6}"
    ".ga .moment-yellow{stroke:var(--doubt);stroke-width:1.6}"
    ".ga .moment-red{stroke:var(--bad);stroke-width:1.6}"
    ".ga .green{fill:var(--good)}.ga .yellow{fill:var(--doubt)}.ga .red{fill:var(--bad)}"
    ".ga .strong{font-weight:600;fill:var(--ink)}"
    ".ga text.green{fill:var(--good);font-weight:600}"
    ".ga text.yellow{fill:var(--doubt);font-weight:600}"
    ".ga text.red{fill:var(--bad);font-weight:600}"
    ".ga .lost{stroke:var(--faint);stroke-width:1.2}.ga .hit{fill:transparent}"
)

PAGE = (
    "*{box-sizing:border-box}html{color-scheme:light dark}"
    "body{margin:0;background:var(--paper);color:var(--ink);"
    "font:15px/1.55 system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',sans-serif}"
    "main{max-width:1080px;margin:0 auto;padding:32px 24px 64px}"
    "h1{font-size:26px;line-height:1.25;margin:0 0 6px}"
    "h2{font-size:18px;margin:40px 0 10px;padding-top:14px;border-top:1px solid var(--rule)}"
    "h3{font-size:15px;margin:22px 0 6px}p{margin:6px 0}a{color:var(--after)}"
    ".lead{font-size:17px}.soft,.dim{color:var(--soft)}"
    ".verdict{display:inline-block;padding:2px 12px;border-radius:99px;font-weight:600;"
    "border:1.5px solid currentColor;margin-bottom:10px}"
    ".green{color:var(--good)}.yellow{color:var(--doubt)}.red{color:var(--bad)}.bold{font-weight:600}"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 18px;margin:14px 0}"
    "dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}"
    ".scroll{overflow-x:auto}"
    "table{border-collapse:collapse;width:100%;font-size:13.5px;margin:8px 0 4px}"
    "caption{text-align:left;font-weight:600;padding:6px 0}"
    "th{text-align:left;font-weight:500;color:var(--soft);font-size:12px;letter-spacing:.03em;"
    "white-space:nowrap}"
    "th,td{padding:5px 14px 5px 0;border-bottom:1px solid var(--rule);vertical-align:top;"
    "overflow-wrap:anywhere}td:not(:last-child){white-space:nowrap}"
    "td:last-child{min-width:7em}"
    "figure{margin:14px 0;padding:10px 12px 12px;background:var(--panel);"
    "border:1px solid var(--rule);border-radius:10px}"
    "figure.deciding{border-color:var(--bad);box-shadow:0 0 0 1px var(--bad)}"
    "figure.deciding.is-yellow{border-color:var(--doubt);box-shadow:0 0 0 1px var(--doubt)}"
    "figure svg{display:block;width:100%;height:auto}"
    "figcaption{font-size:13.5px;color:var(--soft);margin-top:6px}"
    "code,pre{font:13px ui-monospace,Menlo,Consolas,monospace}"
    "pre{background:var(--panel);border:1px solid var(--rule);border-radius:8px;"
    "padding:10px 14px;overflow-x:auto;margin:8px 0}"
    ".track{display:flex;gap:2px;margin:12px 0 4px;height:30px}"
    ".track div{background:var(--band);border-radius:4px;min-width:3px;overflow:hidden;"
    "font-size:12px;line-height:30px;padding-left:6px;white-space:nowrap}"
    "details summary{cursor:pointer;color:var(--soft)}"
    "@media print{main{max-width:none;padding:0}figure{break-inside:avoid}}"
)
