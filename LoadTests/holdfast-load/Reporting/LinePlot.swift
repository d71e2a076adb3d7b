/// Lines over an axis, each with a band around it. Pure.
struct LinePlot: Sendable {
    /// An axis's meaning.
    struct Axis: Sendable {
        /// With its unit.
        var title: String
        var quantity: Quantity
        var scale: Scale
    }

    struct Point: Sendable, Equatable {
        var x: Double
        var y: Spread
    }

    struct Series: Sendable {
        var name: String
        /// Which of the colours.
        var colour: Int
        var points: [Point]
    }

    var title: String
    var x: Axis
    var y: Axis
    var series: [Series]

    private static let left = 56.0
    private static let right = Drawing.width - 14
    private static let top = 44.0
    private static let bottom = 204.0

    /// The drawing: a legend below says which line is whose, and its last figure.
    func draw() -> Drawing {
        let drawn = series.filter { $0.points.contains { place($0.x, $0.y.median) != nil } }
        guard !drawn.isEmpty else { return .empty(title) }
        var body = Drawing.label(title, x: 8, y: 18, style: "title") + Drawing.label(y.title, x: 8, y: 34, style: "axis")
        for tick in y.scale.ticks {
            let at = Self.bottom - (y.scale.place(tick) ?? 0) * (Self.bottom - Self.top)
            body += Drawing.line(Self.left, at, Self.right, at, style: "grid")
            body += Drawing.label(y.quantity.tick(tick), x: Self.left - 6, y: at + 3.5, anchor: "end")
        }
        for tick in x.scale.ticks {
            let at = Self.left + (x.scale.place(tick) ?? 0) * (Self.right - Self.left)
            body += Drawing.line(at, Self.bottom, at, Self.bottom + 4, style: "rule")
            body += Drawing.label(x.quantity.tick(tick), x: at, y: Self.bottom + 16, anchor: at > Self.right - 14 ? "end" : "middle")
        }
        body += Drawing.line(Self.left, Self.bottom, Self.right, Self.bottom, style: "rule")
        body += Drawing.label(x.title, x: Self.right, y: Self.bottom + 31, anchor: "end", style: "axis")
        for line in drawn { body += band(line) }
        for line in drawn { body += path(line) }
        var at = Self.bottom + 50
        for line in drawn {
            body += Drawing.line(8, at - 4, 30, at - 4, style: "line c\(line.colour % Style.colours)")
            body += Drawing.label(Markup.short(line.name, 52), x: 36, y: at)
            at += 16
        }
        let figures = drawn.compactMap { line in line.points.last.map { "\(line.name): \(y.quantity.text($0.y.median)) at the end" } }
        return Drawing(
            title: title, height: at - 4, body: body,
            description: "\(y.title) over \(x.title). " + figures.joined(separator: "; "))
    }

    private func place(_ x: Double, _ y: Double) -> String? {
        guard let x = self.x.scale.place(x), let y = self.y.scale.place(y) else { return nil }
        return
            "\(Markup.place(Self.left + x * (Self.right - Self.left))) \(Markup.place(Self.bottom - y * (Self.bottom - Self.top)))"
    }

    /// A line that is interrupted where it has no place.
    private func path(_ line: Series) -> String {
        var path = ""
        var isDown = false
        for point in line.points {
            guard let at = place(point.x, point.y.median) else { isDown = false; continue }
            path += (isDown ? "L" : "M") + at
            isDown = true
        }
        return Markup.tag("path", ["d": path, "class": "line c\(line.colour % Style.colours)"])
    }

    /// From the lowest to the highest of several runs.
    private func band(_ line: Series) -> String {
        let points = line.points.filter { $0.y.count > 1 }
        let low = points.compactMap { place($0.x, $0.y.low) }
        let high = points.compactMap { place($0.x, $0.y.high) }
        guard low.count > 1, low.count == high.count else { return "" }
        return Markup.tag(
            "path", ["d": "M" + (high + low.reversed()).joined(separator: "L") + "Z", "class": "band c\(line.colour % Style.colours)"])
    }
}
