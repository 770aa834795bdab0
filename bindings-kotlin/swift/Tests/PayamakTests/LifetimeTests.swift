import Payamak
import PayamakTesting
import XCTest

/// What is left of clients and messengers when nobody holds them any more, and who hears what meanwhile.
final class LifetimeTests: XCTestCase {
    private func gateway(_ emulator: Emulator) throws -> PayamResan {
        try PayamResan(
            apiKey: Emulator.payamResanKey, sender: "30004040", settings: .init(baseURL: emulator.payamResanURL))
    }

    /// The object that stands for Rust's, which goes with it.
    private func part(_ name: String, of object: Any) throws -> AnyObject {
        try XCTUnwrap(Mirror(reflecting: object).descendant(name)) as AnyObject
    }

    func testWhatNobodyHoldsIsLetGoOf() async throws {
        let emulator = try Emulator(speed: 0)
        weak var client: AnyObject?
        weak var derived: AnyObject?
        weak var sender: AnyObject?
        do {
            let gateway = try gateway(emulator)
            let shorter = try gateway.withTimeout(10)
            let messenger = try Messenger([gateway, NikSms(username: "user", password: "password", sender: "50001234")])
            client = try part("client", of: gateway)
            derived = try part("client", of: shorter)
            sender = try part("messenger", of: messenger)
            _ = try await shorter.accountInfo()
            let report = try await messenger.send("سلام", to: "09121112222")
            for try await _ in messenger.track(Array(report), firstLook: 0.001, interval: 0.001) { break }
            XCTAssertNotNil(client)
            XCTAssertNotNil(derived)
            XCTAssertNotNil(sender)
        }
        XCTAssertNil(client)
        XCTAssertNil(derived)
        XCTAssertNil(sender)
    }

    func testACallOutlivesItsGatewayAndEndsOnceAlsoWhenCancelled() async throws {
        let emulator = try Emulator(speed: 0)
        let left: [Task<Int64?, Error>]
        let stay: [Task<Int64?, Error>]
        do {
            let gateway = try gateway(emulator)
            let send = { (traceID: Int64) in
                Task { try await gateway.sendBulk("سلام", to: [Destination("09121112222", traceID: traceID)])[0].traceID }
            }
            left = (0..<300).map { send(1000 + $0) }
            stay = (0..<300).map { send(2000 + $0) }
        }
        left.forEach { $0.cancel() }
        for task in left {
            switch await task.result {
            case .success: break
            case let .failure(error): XCTAssertTrue(error is CancellationError, "\(error)")
            }
        }
        for (index, task) in stay.enumerated() {
            let traceID = try await task.value
            XCTAssertEqual(traceID, 2000 + Int64(index))
        }
        let counts = Dictionary(grouping: emulator.messages, by: \.traceID).mapValues(\.count)
        XCTAssertTrue(counts.values.allSatisfy { $0 == 1 })
    }
}
