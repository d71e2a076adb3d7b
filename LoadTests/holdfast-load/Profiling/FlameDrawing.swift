import Foundation

/// A flame graph as one SVG file that needs no other: the root is on top, as wide as the page, and what was called is below its caller.
///
/// Widths are parts of the page and heights are pixels, so that text is as large on a phone as on a screen. It can be read without its script,
/// which only makes a frame as wide as the page, and finds names.
struct FlameDrawing {
    var title: String
    /// What was measured, in a line.
    var subtitle: String
    var tree: FlameTree

    private static let rowHeight = 18
    private static let top = 78
    /// Narrower frames are left out: they can't be seen, and a file of millions of them can't be opened.
    static let partMin = 0.0002

    /// The file.
    var svg: String {
        var frames = ""
        var left = 0
        add(tree, at: 0, row: 0, to: &frames, &left)
        let height = Self.top + tree.depth * Self.rowHeight + 10
        let note = left > 0 ? "; \(left) narrower than 1 of \(Int(1 / Self.partMin)) are left out" : ""
        let head =
            Markup.tag("title", [:], Markup.text(title))
            + Markup.tag("style", [:], Self.style)
            + Markup.tag("rect", ["width": "100%", "height": "100%", "fill": "#ffffff"])
            + Self.text(title, y: 20, style: "title") + Self.text(subtitle + note, y: 37)
            + Self.text("Tap a frame to widen it, the top one to go back.", y: 72, id: "info")
        let legend = FlameTree.Kind.allCases.enumerated().map { index, kind in
            Markup.tag("rect", ["x": "\(8 + index * 90)", "y": "44", "width": "10", "height": "10", "fill": Self.colour(kind, "")])
                + Markup.tag("text", ["x": "\(22 + index * 90)", "y": "53", "class": "small"], Markup.text(kind.rawValue))
        }
        let search = Markup.tag(
            "text", ["x": "100%", "dx": "-8", "y": "20", "text-anchor": "end", "id": "search"], Markup.text("search"))
        return Markup.tag(
            "svg", ["xmlns": "http://www.w3.org/2000/svg", "width": "100%", "height": "\(height)"],
            head + legend.joined() + search + frames + "<script><![CDATA[\(Self.script)]]></script>") + "\n"
    }

    private func add(_ node: FlameTree, at start: Int, row: Int, to frames: inout String, _ left: inout Int) {
        let all = Double(max(1, tree.count))
        guard Double(node.count) / all >= Self.partMin else {
            left += 1
            return
        }
        let part = String(format: "%.1f", 100 * Double(node.count) / all)
        frames +=
            Markup.tag(
                "svg",
                [
                    "class": "f", "x": Self.percent(Double(start) / all), "y": "\(Self.top + row * Self.rowHeight)",
                    "width": Self.percent(Double(node.count) / all), "height": "\(Self.rowHeight - 1)", "data-x": "\(start)",
                    "data-w": "\(node.count)",
                ],
                Markup.tag("title", [:], Markup.text("\(node.name): \(node.count) samples, \(part) %"))
                    + Markup.tag("rect", ["width": "100%", "height": "100%", "fill": Self.colour(node.kind, node.name)])
                    + Markup.tag("text", ["x": "3", "y": "13"], Markup.text(node.name))) + "\n"
        var next = start
        for child in node.children {
            add(child, at: next, row: row + 1, to: &frames, &left)
            next += child.count
        }
    }

    private static func percent(_ part: Double) -> String { String(format: "%.4f%%", part * 100) }

    private static func text(_ text: String, y: Int, style: String = "small", id: String? = nil) -> String {
        let inner = Markup.text(text)
        return id.map { Markup.tag("text", ["x": "8", "y": "\(y)", "class": style, "id": $0], inner) }
            ?? Markup.tag("text", ["x": "8", "y": "\(y)", "class": style], inner)
    }

    /// By what it belongs to; a little lighter or darker by its name, so that neighbours differ, and the same name is the same colour.
    private static func colour(_ kind: FlameTree.Kind, _ name: String) -> String {
        let hash = name.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
        let (hue, saturation): (UInt32, Int) =
            switch kind {
            case .thread: (220, 8)
            case .program: (30 + hash >> 8 % 18, 90)
            case .library: (95 + hash >> 8 % 30, 45)
            case .kernel: (200 + hash >> 8 % 15, 60)
            }
        return "hsl(\(hue),\(saturation)%,\(68 + hash % 14)%)"
    }

    private static let style = """
        text{font:12px system-ui,sans-serif;fill:#1a1a1a}.title{font-weight:600;font-size:14px}.small{font-size:11px;fill:#555}\
        .f{cursor:pointer}.f text{pointer-events:none}.f:hover rect{stroke:#1a1a1a}.m rect{fill:#d05ce3}#search{cursor:pointer;fill:#0b5cad}
        """

    private static let script = """
        "use strict";
        const all = [...document.querySelectorAll("svg.f")].map(e => ({e, x: +e.dataset.x, w: +e.dataset.w, y: +e.getAttribute("y")}));
        const info = document.getElementById("info"), name = f => f.e.querySelector("title").textContent;
        function widen(t) {
          for (const f of all) {
            const above = f.y < t.y && f.x <= t.x && f.x + f.w >= t.x + t.w;
            const below = f.y >= t.y && f.x >= t.x && f.x + f.w <= t.x + t.w;
            f.e.style.display = above || below ? "" : "none";
            f.e.setAttribute("x", (above ? 0 : (f.x - t.x) / t.w * 100) + "%");
            f.e.setAttribute("width", (above ? 100 : f.w / t.w * 100) + "%");
          }
          info.textContent = name(t);
        }
        function find(text) {
          let end = 0, sum = 0;
          for (const f of [...all].sort((a, b) => a.x - b.x || a.y - b.y)) {
            const hit = text && f.e.querySelector("text").textContent.toLowerCase().includes(text.toLowerCase());
            f.e.classList.toggle("m", !!hit);
            if (hit && f.x + f.w > end) { sum += f.x + f.w - Math.max(end, f.x); end = f.x + f.w; }
          }
          info.textContent = text ? text + ": " + (100 * sum / all[0].w).toFixed(1) + " % of the samples" : "";
        }
        for (const f of all) {
          f.e.addEventListener("click", () => widen(f));
          f.e.addEventListener("mouseover", () => { info.textContent = name(f); });
        }
        document.getElementById("search").addEventListener("click", () => find(prompt("Part of a name") || ""));
        """
}
