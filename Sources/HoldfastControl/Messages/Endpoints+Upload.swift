internal import HTTPTypes
internal import HoldfastCore
internal import HoldfastGateway
internal import HummingbirdCore

extension Endpoints {
    /// Begins an upload, or goes on with one: its first line must be the one after those that are stored.
    func startUpload(_ request: ControlRequest) async throws(Problem) -> Response {
        let key = try IdempotencyKey.requestKey(request)
        let firstLine = UInt32(try request.match.optionalInteger("firstLine", 1...Int(UInt32.max - 1)) ?? 1)
        let (port, gateway, caller) = (try port, gateway, caller(request))
        let upload: CorePort.Upload
        do throws(PortError) { upload = try port.beginUpload(key) } catch { throw Problem(error) }
        let kept: KeptRequest?
        do throws(Problem) {
            guard case .request(let found, _) = try await answered({ () throws(PortError) in try await port.request(key) }) else {
                preconditionFailure("a question about a key is answered by what is kept of it")
            }
            kept = found
            if let kept, kept.lines == 0 { throw Problem(.keyReused, "The Idempotency-Key is a single message's.") }
            let stored = kept?.lines ?? 0
            guard firstLine == stored + 1 else {
                throw Problem(.uploadGap, "\(stored) lines of the upload are stored: it goes on with line \(stored + 1), not \(firstLine).")
            }
        } catch {
            port.end(upload)
            throw error
        }
        let run = UploadRun(
            port: port, gateway: gateway, caller: caller, id: request.id,
            limits: UploadLimits(lineBytesMax: configuration.controlBodyBytesMax, bodyBytesMax: configuration.bodyBytesMax), upload: upload,
            firstLine: firstLine, hash: kept?.fingerprint ?? 0)
        let parts = request.parts
        var headers = HTTPFields()
        headers[.contentType] = Response.ContentType.ndjson.rawValue
        headers[.cacheControl] = "no-store"
        return Response(status: .ok, headers: headers, body: ResponseBody { writer in try await run.run(parts, &writer) })
    }
}
