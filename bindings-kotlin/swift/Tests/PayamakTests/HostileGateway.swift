import Foundation

/// A gateway on loopback that answers every request with the same bytes, once or without end.
final class HostileGateway: @unchecked Sendable {
    /// Where it is, without a path.
    let url: String
    private let listener: Int32
    private let answer: Data
    private let endless: Bool
    private let lock = NSLock()
    private var arrived = 0
    private var isStopped = false

    init(answer: String, endless: Bool = false) throws {
        // Writing to a connection that the client has left would end the process.
        signal(SIGPIPE, SIG_IGN)
        self.answer = Data(answer.utf8)
        self.endless = endless
        #if os(Linux)
            listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
            listener = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let isListening = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && listen(listener, 16) == 0 && getsockname(listener, $0, &size) == 0
            }
        }
        guard isListening else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        url = "http://127.0.0.1:\(UInt16(bigEndian: address.sin_port))"
        Thread.detachNewThread { [self] in
            while case let connection = accept(listener, nil, nil), connection >= 0 {
                Thread.detachNewThread { [self] in serve(connection) }
            }
        }
    }

    /// JSON as a whole answer.
    convenience init(json: String) throws {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: \(json.utf8.count)\r\n\r\n"
        try self.init(answer: head + json)
    }

    /// How many requests have arrived whole.
    var requestCount: Int {
        lock.lock()
        defer { lock.unlock() }
        return arrived
    }

    private var goesOn: Bool {
        lock.lock()
        defer { lock.unlock() }
        return endless && !isStopped
    }

    /// Nobody is let in any more, and what is without end ends: the library would be busy with the rest of it for a while.
    func stop() {
        lock.lock()
        isStopped = true
        lock.unlock()
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    private func serve(_ connection: Int32) {
        defer { close(connection) }
        while takeRequest(connection) {
            lock.lock()
            arrived += 1
            lock.unlock()
            repeat {
                guard write(to: connection) else { return }
            } while goesOn
        }
    }

    /// Takes one in; false at the end of the connection.
    private func takeRequest(_ connection: Int32) -> Bool {
        var request = Data()
        var part = [UInt8](repeating: 0, count: 4096)
        var length: Int?
        while request.count < length ?? .max {
            let count = recv(connection, &part, part.count, 0)
            guard count > 0 else { return false }
            request.append(contentsOf: part[..<count])
            if length == nil, let head = request.range(of: Data("\r\n\r\n".utf8)) {
                let lines = String(decoding: request[..<head.lowerBound], as: UTF8.self).lowercased()
                    .components(separatedBy: "\r\n")
                let field = lines.first { $0.hasPrefix("content-length:") }
                let body = field.flatMap { Int($0.dropFirst("content-length:".count).trimmingCharacters(in: .whitespaces)) }
                length = head.upperBound + (body ?? 0)
            }
        }
        return true
    }

    /// All of the answer; false when the client has gone.
    private func write(to connection: Int32) -> Bool {
        answer.withUnsafeBytes { bytes in
            var sent = 0
            while sent < bytes.count {
                let count = send(connection, bytes.baseAddress! + sent, bytes.count - sent, 0)
                guard count > 0 else { return false }
                sent += count
            }
            return true
        }
    }
}
