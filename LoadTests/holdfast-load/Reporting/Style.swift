/// How the page and its plots look, in light and in dark. The plots' colours are told apart by colour-blind eyes too, and lines by their dashes.
enum Style {
    /// How many colours there are; the first is Holdfast's.
    static let colours = 8

    /// Of plots.
    static let plots = """
        :root{color-scheme:light dark;--page:#fff;--card:#f6f7f9;--ink:#16191d;--muted:#56606b;--grid:#dfe3e8;--bad:#b3261e;--good:#00694a;\
        --c0:#0072b2;--c1:#d55e00;--c2:#009e73;--c3:#b8569a;--c4:#c98200;--c5:#3d9fd8;--c6:#7d6b00;--c7:#5a5a5a}
        @media(prefers-color-scheme:dark){:root{--page:#111418;--card:#1a1f25;--ink:#e8ebef;--muted:#a3adb8;--grid:#2d343c;--bad:#ff8a80;--good:#5fd6a9;\
        --c0:#56b4e9;--c1:#f58a42;--c2:#33c79b;--c3:#e3a1c6;--c4:#f2b632;--c5:#a7b6ff;--c6:#f0e442;--c7:#bdbdbd}}
        svg text{font:11px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:var(--ink)}
        svg .title{font-size:13px;font-weight:600}svg .axis{fill:var(--muted)}svg .strong{font-weight:600}
        svg .halo{paint-order:stroke;stroke:var(--card);stroke-width:4px;stroke-linejoin:round}
        svg .grid{stroke:var(--grid)}svg .rule{stroke:var(--muted)}svg .whisker{stroke:var(--ink);stroke-width:1.2}
        svg .line{fill:none;stroke-width:2;stroke-linejoin:round}svg .band{stroke:none;opacity:.16}svg .page{fill:var(--card)}
        svg .c1.line{stroke-dasharray:7 3}svg .c2.line{stroke-dasharray:2 3}svg .c3.line{stroke-dasharray:9 3 2 3}
        svg .c4.line{stroke-dasharray:4 2}svg .c5.line{stroke-dasharray:12 4}svg .c6.line{stroke-dasharray:1 2}svg .c7.line{stroke-dasharray:5 5}
        \((0..<colours).map { "svg .line.c\($0){stroke:var(--c\($0))}svg .bar.c\($0),svg .band.c\($0){fill:var(--c\($0))}" }.joined())
        """

    /// Of a plot in a file of its own.
    static let file = "svg{background:var(--card)}"

    /// Of the page.
    static let page = """
        *{box-sizing:border-box}
        body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;\
        overflow-wrap:break-word}
        main{max-width:1400px;margin:0 auto;padding:16px}
        h1{font-size:1.7rem;line-height:1.2;margin:.4em 0 .2em}h2{font-size:1.25rem;margin:2.2em 0 .5em;padding-top:.6em;border-top:1px solid var(--grid)}
        h3{font-size:1rem;margin:1.4em 0 .4em}p,ul{max-width:75ch}.muted{color:var(--muted)}
        a{color:var(--c0)}nav a{display:inline-block;margin:.15em .6em .15em 0;padding:.15em .7em;border:1px solid var(--grid);border-radius:1em;text-decoration:none}
        .plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,340px),1fr));gap:14px;align-items:start}
        .plots>*{margin:0;background:var(--card);border:1px solid var(--grid);border-radius:10px;padding:8px}
        .plots svg{display:block;width:100%;height:auto}
        .scroll{overflow-x:auto;margin:.8em 0;border:1px solid var(--grid);border-radius:10px}
        table{border-collapse:collapse;width:100%;font-size:.875rem;font-variant-numeric:tabular-nums}
        th,td{padding:.35em .8em;text-align:right;border-bottom:1px solid var(--grid);vertical-align:top;min-width:7.5em}tr:last-child>*{border-bottom:0}
        thead th{background:var(--card);vertical-align:bottom}th:first-child{text-align:left;position:sticky;left:0;background:var(--card);min-width:9em}
        tbody th{font-weight:400}.bad{color:var(--bad);font-weight:600}.good{color:var(--good);font-weight:600}
        code{font:.85em ui-monospace,SFMono-Regular,Consolas,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
        details{margin:.8em 0}summary{cursor:pointer}
        @media print{.plots>*,.scroll{break-inside:avoid}nav{display:none}}
        """
}
