import Testing

@testable import holdfast_load

/// All figures here are invented.
@Suite struct PlotTests {
    @Test func `linear ticks are round, begin at 0 and go beyond the highest value`() {
        #expect(Scale(.linear, around: [1, 97]).ticks == [0, 20, 40, 60, 80, 100])
        #expect(Scale(.linear, around: [0.3]).ticks.map { Quantity.digits($0) } == ["0", "0.1", "0.2", "0.3"])
        #expect(Scale(.linear, around: [-5, 5]).ticks == [-6, -4, -2, 0, 2, 4, 6])
        #expect(Scale(.linear, around: [0, 0]).ticks == [0, 1])
    }

    @Test func `logarithmic ticks are decades, and for few of them also twice and five times these`() {
        #expect(Scale(.logarithmic, around: [3, 40]).ticks == [2, 5, 10, 20, 50])
        #expect(
            Scale(.logarithmic, around: [0.5, 90_000]).ticks.map { Quantity.digits($0) } == [
                "0.1", "1", "10", "100", "1,000", "10,000", "100,000",
            ])
        #expect(Scale(.logarithmic, around: [1, 1e12]).ticks.count <= 8)
        #expect(Scale(.logarithmic, around: [7, 7]).ticks == [5, 10])
    }

    @Test func `all values have a place within the axis, whatever they are`() {
        for values in [[1e-12, 1e15], [5, 5], [1e-300, 1e300], [0.000_1], [123_456_789]] {
            for kind in [Scale.Kind.linear, .logarithmic] {
                let scale = Scale(kind, around: values)
                #expect(scale.ticks.count >= 2 && scale.ticks.count < 30 && scale.ticks == scale.ticks.sorted())
                for value in values { #expect(scale.place(value).map { (0...1).contains($0) } == true) }
            }
        }
    }

    @Test func `a decade is as long as another`() {
        let scale = Scale(.logarithmic, around: [1, 10_000])
        #expect(scale.place(1) == 0 && scale.place(100) == 0.5 && scale.place(10_000) == 1)
        #expect(Scale(.linear, around: [0, 100]).place(25) == 0.25)
    }

    @Test func `what has no place has none`() {
        let scale = Scale(.logarithmic, around: [.nan, -1, 0, .infinity, 1, 10])
        #expect(scale.ticks == [1, 2, 5, 10])
        for value in [0, -1, Double.nan, .infinity] { #expect(scale.place(value) == nil) }
        #expect(Scale(.linear, around: [.nan]).domain == 0...1)
        #expect(Scale(.linear, around: [5, .nan]).place(.nan) == nil)
    }

    @Test func `more than a decade is logarithmic`() {
        #expect(Scale.fitting([1, 10]) == .linear)
        #expect(Scale.fitting([1, 11]) == .logarithmic)
        #expect(Scale.fitting([0, 100]) == .linear)
        #expect(Scale.fitting([]) == .linear)
    }

    @Test func `figures have their units`() {
        let texts: [(Quantity, Double, String)] = [
            (.microseconds, 0.5, "0.5 µs"), (.microseconds, 999.9, "1 ms"), (.microseconds, 1_234_567, "1.23 s"), (.bytes, 389.2, "389 B"),
            (.bytes, 14_500, "14.5 kB"), (.perSecond, 150_123.4, "150,123/s"), (.count, 0.001_234, "0.00123"), (.count, -1234.5, "-1,234"),
            (.nines, 3, "99.9"), (.nines, 0, "0"), (.nines, 5, "99.999"), (.count, .nan, "–"), (.seconds, 0, "0 µs"),
            (.count, 1e300, "1e+300"),
        ]
        for (quantity, value, text) in texts { #expect(quantity.text(value) == text) }
        #expect(Quantity.count.tick(20_000) == "20 k" && Quantity.perSecond.tick(1_000_000) == "1 M")
    }

    @Test func `names tell what a figure counts`() {
        let names: [(String, Quantity, String)] = [
            ("secondsToLastMessage", .seconds, "seconds to last message"),
            ("serverMicrosecondsPerBeat", .microseconds, "server microseconds per beat"),
            ("serverPrivateBytes", .bytes, "server private bytes"), ("serverCores", .cores, "server cores"),
            ("deliveredPerSecond", .perSecond, "delivered per second"), ("listenDrops", .count, "listen drops"),
            ("othersCPU", .count, "others CPU"),
            ("idle, plain: private bytes a connection", .bytes, "idle, plain: private bytes a connection"),
        ]
        for (name, quantity, title) in names {
            #expect(Quantity(named: name) == quantity)
            #expect(Quantity.title(name) == title)
        }
    }

    @Test func `a line is interrupted where there is no figure`() {
        let points = [1.0, .nan, 3, 4].enumerated().map { LinePlot.Point(x: Double($0.offset), y: Spread($0.element)) }
        let axis = LinePlot.Axis(title: "t", quantity: .count, scale: Scale(.linear, around: [0, 4]))
        let drawing = LinePlot(title: "a", x: axis, y: axis, series: [.init(name: "l", colour: 0, points: points)]).draw()
        #expect(drawing.body.contains("d=\"M56 164M201 84L273.5 44\""), "\(drawing.body)")
        #expect(drawing.description.contains("l: 4 at the end"))
    }

    @Test func `several runs have a band from the lowest to the highest`() throws {
        let axis = LinePlot.Axis(title: "t", quantity: .count, scale: Scale(.linear, around: [0, 10]))
        let spread = try #require(Spread([4, 2, 9]))
        #expect(spread.text(.count) == "4 (2 to 9)")
        let drawing = LinePlot(
            title: "a", x: axis, y: axis, series: [.init(name: "l", colour: 0, points: [.init(x: 0, y: spread), .init(x: 10, y: spread)])]
        ).draw()
        #expect(drawing.body.contains("class=\"band c0\""))
    }

    @Test func `nothing to draw says so`() {
        let axis = LinePlot.Axis(title: "t", quantity: .count, scale: Scale(.linear, around: []))
        #expect(LinePlot(title: "a", x: axis, y: axis, series: []).draw().body.contains("no figures"))
        let bar = BarPlot.Bar(name: "b", value: Spread(.nan), text: "", colour: 0)
        #expect(BarPlot(title: "a", axis: "x", quantity: .count, bars: [bar]).draw().body.contains("no figures"))
        #expect(BarPlot(title: "a", axis: "x", quantity: .count, bars: []).draw().description == "no figures")
    }

    @Test func `bars begin at the baseline and go to their figures`() {
        let bars = [0.5, 4.0].map { BarPlot.Bar(name: "b", value: Spread($0), text: "t", colour: 0) }
        let body = BarPlot(title: "a", axis: "x", quantity: .ratio, baseline: 1, bars: bars).draw().body
        let places = body.matches(of: /<rect x="([0-9.]+)" y="[0-9.]+" width="([0-9.]+)"/).compactMap { match in
            Double(match.1).flatMap { x in Double(match.2).map { (x, $0) } }
        }
        #expect(places.count == 2)
        #expect(abs(places[0].0 + places[0].1 - places[1].0) < 0.2)
        #expect(abs(places[0].1 * 2 - places[1].1) < 0.3)
    }

    @Test func `marks of an axis don't run into each other`() {
        let bars = [1_001.0, 67_410].map { BarPlot.Bar(name: "\($0)", value: Spread($0), text: "a text as long as there are", colour: 0) }
        let body = BarPlot(title: "t", axis: "a", quantity: .perSecond, baseline: nil, bars: bars).draw().body
        #expect(body.contains(">1,000<") && !body.contains(">2,000<") && body.contains(">5,000<"), "\(body)")
    }

    @Test func `text is text and names of files are plain`() {
        #expect(Markup.text("<a b=\"c\">'&'\u{0}") == "&lt;a b=&quot;c&quot;&gt;&#39;&amp;&#39;\u{FFFD}")
        #expect(Markup.tag("a", ["b": "\"><x"], "i") == "<a b=\"&quot;&gt;&lt;x\">i</a>")
        #expect(Markup.slug("../A b/ü: <c>") == "a-b-c")
        #expect(Markup.short("abcdef", 4) == "abc…")
    }
}
