import Foundation
import Payamak
import PayamakTesting
import XCTest

/// What a gateway costs the others, and the program, that answers with whatever does harm.
final class HostileTests: XCTestCase {
    private func payamResan(_ url: String) throws -> PayamResan {
        try PayamResan(
            apiKey: Emulator.payamResanKey, sender: "30004040", settings: .init(baseURL: url, timeout: 600))
    }

    private func nikSms(_ emulator: Emulator) throws -> NikSms {
        try NikSms(
            username: Emulator.nikSmsUsername, password: Emulator.nikSmsPassword, sender: "50001234",
            settings: .init(baseURL: emulator.nikSmsPublicAPIURL))
    }

    func testAMessengerThatIsKeptBusyHoldsNoCallUp() async throws {
        let emulator = try Emulator(speed: 0)
        let first = try payamResan(emulator.payamResanURL)
        let second = try nikSms(emulator)
        let busy = expectation(description: "the thread of messengers is kept busy")
        busy.assertForOverFulfill = false
        let enough = DispatchGroup()
        enough.enter()
        let messenger = try Messenger([first, second])
        let send = Task {
            try await messenger.send("سلام", to: "09121112222") { _ in
                busy.fulfill()
                enough.wait()
            }
        }
        await fulfillment(of: [busy], timeout: 60)
        let answered = expectation(description: "both gateways have answered")
        let calls = Task {
            _ = try await (first.accountInfo(), second.getCredit())
            answered.fulfill()
        }
        // So that it fails, and does not wait for ever, where one thread does all.
        await fulfillment(of: [answered], timeout: 120)
        enough.leave()
        try await calls.value
        let report = try await send.value
        XCTAssertEqual(report.accepted.count, 1)
    }

    func testAFloodOfInterimAnswersDoesNotReachTheOtherGateway() async throws {
        let emulator = try Emulator(speed: 0)
        let flood = try HostileGateway(
            answer: String(repeating: "HTTP/1.1 102 Processing\r\n\r\n", count: 4000), endless: true)
        defer { flood.stop() }
        let hostile = try payamResan(flood.url)
        let other = try nikSms(emulator)
        func rate() async throws -> Double {
            let started = Date()
            for _ in 0..<200 { _ = try await other.getCredit() }
            return 200 / Date().timeIntervalSince(started)
        }
        _ = try await rate()
        let quiet = try await rate()
        let flooded = (0..<4).map { _ in Task { try await hostile.accountInfo() } }
        while flood.requestCount < 4 { await Task.yield() }
        let beside = try await rate()
        print("\(Int(quiet)) calls a second, \(Int(beside)) beside the flood")
        let report = try await Messenger([other, hostile]).send("سلام", to: "09121112222")
        XCTAssertEqual(report.accepted.count, 1)
        flooded.forEach { $0.cancel() }
        for call in flooded {
            // Neither answered nor given up by itself.
            guard case let .failure(error) = await call.result else { return XCTFail("the flood had ended") }
            XCTAssertTrue(error is CancellationError, "\(error)")
        }
    }

    func testAnInboxWithoutEndIsNoAnswer() async throws {
        // Short of the most bytes that an inbox may have, and each three of them a message.
        let rows = String(repeating: "{},", count: (8 << 20) / 3 - 100)
        let server = try HostileGateway(json: "{\"Success\":true,\"Result\":[\(rows){}]}")
        defer { server.stop() }
        let gateway = try payamResan(server.url)
        // What is there after the first call is not the inbox's: this answer is not even read.
        _ = try? await gateway.accountInfo()
        let before = try mostMemory(since: .now)
        do {
            _ = try await gateway.getInbox()
            XCTFail("it was taken for an inbox")
        } catch let error as PayamakError {
            XCTAssertEqual(error.kind, .decode)
            XCTAssertEqual(error.outcome, .unclear)
        }
        let after = try mostMemory(since: .before)
        XCTAssertLessThan(after - before, 32 << 20)
    }

    private enum Beginning { case now, before }

    /// The most memory that was resident at once, in bytes; 0 on systems that do not count it. What was before may be forgotten.
    private func mostMemory(since beginning: Beginning) throws -> Int {
        #if os(Linux)
            if beginning == .now { try Data("5".utf8).write(to: URL(fileURLWithPath: "/proc/self/clear_refs")) }
            let lines = try String(contentsOfFile: "/proc/self/status", encoding: .utf8).split(separator: "\n")
            let line = try XCTUnwrap(lines.first { $0.hasPrefix("VmHWM:") })
            return try XCTUnwrap(Int(line.filter(\.isNumber))) << 10
        #else
            return 0
        #endif
    }
}
