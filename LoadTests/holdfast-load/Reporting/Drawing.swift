/// A finished plot.
struct Drawing: Sendable {
    /// What it shows.
    var title: String
    var height: Double
    /// SVG elements.
    var body: String
    /// What it shows, in words and figures, for who doesn't see it.
    var description: String

    /// All plots are as wide as a phone's page, so that their text is as large there as it was meant.
    static let width = 360.0

    /// An `svg` element; in a file of its own it brings its colours along.
    /// - Parameter id: unlike that of every other drawing of the page.
    func svg(id: String, isFile: Bool = false) -> String {
        let inner =
            Markup.tag("title", ["id": id + "-t"], Markup.text(title)) + Markup.tag("desc", ["id": id + "-d"], Markup.text(description))
            + (isFile
                ? Markup.tag("style", [:], Style.plots + Style.file)
                    + Markup.tag("rect", ["class": "page", "width": "100%", "height": "100%"]) : "")
            + body
        let size = "0 0 \(Markup.place(Self.width)) \(Markup.place(height))"
        return Markup.tag(
            "svg",
            [
                "xmlns": "http://www.w3.org/2000/svg", "viewBox": size, "width": Markup.place(Self.width * (isFile ? 1.5 : 1)),
                "height": Markup.place(height * (isFile ? 1.5 : 1)), "role": "img", "aria-labelledby": "\(id)-t \(id)-d",
            ], inner) + "\n"
    }

    /// Text in a drawing.
    static func label(_ text: String, x: Double, y: Double, anchor: String = "start", style: String = "label") -> String {
        Markup.tag("text", ["x": Markup.place(x), "y": Markup.place(y), "text-anchor": anchor, "class": style], Markup.text(text))
    }

    /// A straight line in a drawing.
    static func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, style: String) -> String {
        Markup.tag(
            "line", ["x1": Markup.place(x1), "y1": Markup.place(y1), "x2": Markup.place(x2), "y2": Markup.place(y2), "class": style])
    }

    /// A drawing without anything to draw.
    static func empty(_ title: String) -> Drawing {
        Drawing(
            title: title, height: 70, body: label(title, x: 8, y: 18, style: "title") + label("no figures", x: 8, y: 46),
            description: "no figures")
    }
}
