/// Bars side by side, each below its name and its figure. Pure.
struct BarPlot: Sendable {
    struct Bar: Sendable {
        var name: String
        var value: Spread
        /// The figure as text.
        var text: String
        /// Which of the colours.
        var colour: Int
    }

    var title: String
    /// The axis's unit.
    var axis: String
    var quantity: Quantity
    /// Where bars begin on a logarithmic axis; nil: at the axis's begin.
    var baseline: Double?
    var bars: [Bar]

    private static let left = 10.0
    private static let right = Drawing.width - 10

    /// The drawing. The axis is logarithmic if the values span more than a decade, or if there is a baseline.
    func draw() -> Drawing {
        let values = bars.flatMap { [$0.value.low, $0.value.median, $0.value.high] }
        let kind: Scale.Kind = baseline == nil ? Scale.fitting(bars.map(\.value.median)) : .logarithmic
        let scale = Scale(kind, around: values + (baseline.map { [$0, $0 * 2] } ?? []), wanted: 3)
        let drawn = bars.filter { scale.place($0.value.median) != nil }
        guard !drawn.isEmpty else { return .empty(title) }
        // To the right of the bars stand the figures.
        let end = Self.right - min(190, 14 + 6.6 * Double(drawn.map(\.text.count).max() ?? 0))
        func x(_ value: Double) -> Double { Self.left + (scale.place(value) ?? 0) * (end - Self.left) }
        let begin = baseline.map(x) ?? Self.left
        let top = 28.0
        let bottom = top + Double(drawn.count) * 34 + 4
        var body = Drawing.label(title, x: 8, y: 18, style: "title")
        var labelled = -Double.infinity
        for tick in scale.ticks {
            let at = x(tick)
            body += Drawing.line(at, top, at, bottom, style: "grid")
            let text = quantity.tick(tick)
            let width = 6.6 * Double(text.count)
            let isAtEdge = at < Self.left + 16
            // Only where it doesn't run into the one before.
            guard at - (isAtEdge ? 0 : width / 2) > labelled else { continue }
            labelled = at + (isAtEdge ? width : width / 2)
            body += Drawing.label(text, x: at, y: bottom + 14, anchor: isAtEdge ? "start" : "middle")
        }
        body += Drawing.line(begin, top, begin, bottom, style: "rule")
        for (index, bar) in drawn.enumerated() {
            let y = top + Double(index) * 34
            let at = x(bar.value.median)
            body += Drawing.label(Markup.short(bar.name, 52), x: Self.left, y: y + 12, style: "label halo")
            body += Drawing.label(bar.text, x: Self.right, y: y + 26.5, anchor: "end", style: "label strong halo")
            body += Markup.tag(
                "rect",
                [
                    "x": Markup.place(min(begin, at)), "y": Markup.place(y + 17), "width": Markup.place(max(1, abs(at - begin))),
                    "height": "11", "rx": "2", "class": "bar c\(bar.colour % Style.colours)",
                ])
            guard bar.value.count > 1 else { continue }
            body += Drawing.line(x(bar.value.low), y + 22.5, x(bar.value.high), y + 22.5, style: "whisker")
            for value in [bar.value.low, bar.value.high] { body += Drawing.line(x(value), y + 19, x(value), y + 26, style: "whisker") }
        }
        body += Drawing.label(
            axis + (kind == .logarithmic ? ", log scale" : ""), x: end, y: bottom + 29, anchor: "end", style: "axis")
        return Drawing(
            title: title, height: bottom + 36, body: body,
            description: "\(axis). " + drawn.map { "\($0.name): \($0.text)" }.joined(separator: "; "))
    }
}
