import Foundation
import Payamak
import PayamakTesting
import XCTest

/// What a send promises, through the public surface: deadlines, keys, which gateways are asked, what is refused by name.
final class PromiseTests: XCTestCase {
    private func numbers(_ count: Int) -> [String] { (0..<count).map { String(format: "0912111%04d", $0) } }

    private func gateway(
        _ emulator: Emulator, apiKey: String = Emulator.payamResanKey, timeout: TimeInterval? = nil
    ) throws -> PayamResan {
        try PayamResan(
            apiKey: apiKey, sender: "30004040", settings: .init(baseURL: emulator.payamResanURL, timeout: timeout))
    }

    private func nikSms(at url: String) throws -> NikSms {
        try NikSms(
            username: Emulator.nikSmsUsername, password: Emulator.nikSmsPassword, sender: "50001234",
            settings: .init(baseURL: url))
    }

    /// What a call throws, if it is what it has to be.
    private func refused(
        _ kind: PayamakError.Kind, file: StaticString = #filePath, line: UInt = #line, _ call: () async throws -> Void
    ) async -> PayamakError? {
        do {
            try await call()
            XCTFail("nothing was thrown", file: file, line: line)
        } catch {
            let error = error as? PayamakError
            XCTAssertEqual(error?.kind, kind, file: file, line: line)
            return error
        }
        return nil
    }

    func testADeadlineAnswersWithAReport() async throws {
        let emulator = try Emulator(speed: 0)
        try emulator.addFault(Fault(.never, times: nil))
        // Without a deadline the first answer would be awaited for ten minutes.
        let patient = try gateway(emulator, timeout: 600)
        let own = try Messenger([patient], concurrency: 1)
        let general = try Messenger([patient], deadline: 0.3)
        let code = TemplateMessage(to: "09121112222", parameters: ["1"])
        let sends: [() async throws -> Report] = [
            { try await own.send("سلام", to: "09121112222", deadline: 0.3) },
            { try await own.sendEach([Message(to: "09121112222", text: "سلام")], deadline: 0.3) },
            { try await own.sendTemplate("verify", to: [code], deadline: 0.3) },
            { try await general.send("سلام", to: "09121112222") },
        ]
        for send in sends {
            let start = Date()
            let report = try await send()
            let took = Date().timeIntervalSince(start)
            XCTAssertEqual(report.map(\.outcome), [.unclear])
            XCTAssertEqual(report[0].error?.kind, .timeout)
            XCTAssertTrue(took >= 0.29 && took < 60, "\(took)")
        }
        // One request is under way, the other two have not left.
        let campaign = try await own.send("سلام", to: numbers(201), deadline: 0.3)
        XCTAssertEqual("\(campaign)", "Report(accepted: 0, rejected: 102, unclear: 99)")
        XCTAssertTrue(campaign.allSatisfy { $0.error?.kind == .timeout })
        XCTAssertEqual(emulator.requestCount, 5)
    }

    func testADeadlineThatIsNoneIsRefusedByName() async throws {
        let emulator = try Emulator(speed: 0)
        let client = try gateway(emulator)
        let messenger = try Messenger([client])
        let code = TemplateMessage(to: "09121112222", parameters: ["1"])
        for deadline: TimeInterval in [0, -1, .nan, .infinity, 86401] {
            let sends: [() async throws -> Void] = [
                { _ = try await messenger.send("سلام", to: "09121112222", deadline: deadline) },
                { _ = try await messenger.send("سلام", to: ["09121112222"], deadline: deadline) },
                { _ = try await messenger.sendEach([Message(to: "09121112222", text: "سلام")], deadline: deadline) },
                { _ = try await messenger.sendTemplate("verify", to: [code], deadline: deadline) },
            ]
            for send in sends {
                let error = await refused(.invalidInput, send)
                XCTAssertEqual(error?.field, "deadline", "\(deadline)")
            }
            let error = await refused(.configuration) { _ = try Messenger([client], deadline: deadline) }
            XCTAssertEqual(error?.field, "deadline", "\(deadline)")
        }
        XCTAssertEqual(emulator.requestCount, 0)
        let report = try await messenger.send("سلام", to: "09121112222", deadline: 86400)
        XCTAssertEqual(report.accepted.count, 1)
    }

    func testOneKeyAtTheSameMomentIsOneMessage() async throws {
        let emulator = try Emulator(speed: 0)
        let client = try gateway(emulator)
        let one = try Messenger([client])
        for (round, messengers) in [[one, one], [one, try Messenger([client])]].enumerated() {
            let receipts = try await withThrowingTaskGroup(of: Receipt.self) { group in
                for index in 0..<20 {
                    let messenger = messengers[index % 2]
                    group.addTask { try await messenger.send("سلام", to: "09121112222", key: "order-\(round)")[0] }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            XCTAssertEqual(emulator.messageCount, round + 1)
            XCTAssertTrue(receipts.allSatisfy { $0.outcome == .accepted && $0.traceID == receipts[0].traceID })
            XCTAssertEqual(Set(receipts.map(\.messageID)).count, 1)
            XCTAssertEqual(receipts.filter { !$0.replayed }.count, 1)
        }
    }

    func testEverySendTakesAKey() async throws {
        let emulator = try Emulator(speed: 0)
        let messenger = try Messenger([gateway(emulator)])
        let ids = [
            try traceIDFromKey("campaign", to: "09121112222", kind: .listMember),
            try traceIDFromKey("own", to: "09121112222"), 77,
        ]
        for run in 0..<2 {
            let code = try await messenger.sendTemplate(
                "verify", to: [TemplateMessage(to: "09121112222", parameters: ["4711"])], key: "login-7")
            XCTAssertEqual(code[0].traceID, try traceIDFromKey("login-7", to: "09121112222", kind: .listMember))
            XCTAssertEqual(code[0].replayed, run > 0)
            let each = try await messenger.sendEach(
                [
                    Message(to: "09121112222", text: "سلام"), Message(to: "09121112222", text: "بدرود", key: "own"),
                    Message(to: "09121113333", text: "سلام", traceID: 77),
                ], key: "campaign")
            XCTAssertEqual(each.map(\.traceID), ids)
            // A trace id alone is not asked for, so it goes out each time.
            XCTAssertEqual(each.map(\.replayed), [run > 0, run > 0, false])
        }
        XCTAssertEqual(emulator.messageCount, 5)
    }

    func testAKeyNamesOneText() async throws {
        let emulator = try Emulator(speed: 0)
        let messenger = try Messenger([gateway(emulator)])
        _ = try await messenger.send("سلام", to: "09121112222", key: "order-981:paid")
        let other = try await messenger.send("بدرود", to: "09121112222", key: "order-981:paid")
        XCTAssertEqual(other.map(\.outcome), [.rejected])
        XCTAssertEqual(other[0].error?.kind, .invalidInput)
        XCTAssertEqual(other[0].error?.field, "key")
        let each = try await messenger.sendEach([Message(to: "09121112222", text: "بدرود", key: "order-981:paid")])
        XCTAssertEqual(each[0].error?.field, "messages[0].key")
        // Another recipient is another message.
        let another = try await messenger.send("بدرود", to: "09121113333", key: "order-981:paid")
        XCTAssertFalse(another[0].replayed)
        XCTAssertEqual(emulator.messageCount, 2)
    }

    func testWhatAnEarlierRunSentIsReplayed() async throws {
        let emulator = try Emulator(speed: 0)
        let first = try await Messenger([gateway(emulator)]).send("سلام", to: "09121112222", key: "order-981:paid")
        // A client of its own knows nothing of the first one, as a later process does not.
        let again = try await Messenger([gateway(emulator)]).send("سلام", to: "09121112222", key: "order-981:paid")
        XCTAssertEqual([first[0].replayed, again[0].replayed], [false, true])
        XCTAssertEqual(first[0].messageID, again[0].messageID)
        XCTAssertTrue("\(again[0])".contains("replayed: true") && !"\(first[0])".contains("replayed"))
        XCTAssertEqual(emulator.messageCount, 1)
    }

    func testAGatewayThatCannotBeAskedStopsAKey() async throws {
        let emulator = try Emulator(speed: 0)
        let gone = try Emulator(speed: 0)
        gone.shutdown()
        let dead = try nikSms(at: gone.nikSmsPublicAPIURL)
        let start = Date()
        let report = try await Messenger([gateway(emulator), dead]).send("سلام", to: "09121112222", key: "order-1")
        XCTAssertEqual(report.map(\.outcome), [.unclear])
        XCTAssertEqual(report[0].error?.kind, .connect)
        XCTAssertEqual(report[0].error?.gateway, "niksms")
        XCTAssertLessThan(Date().timeIntervalSince(start), 30, "half of the budget")
        XCTAssertEqual(emulator.messageCount, 0)
        let first = try await Messenger([gateway(emulator), dead], ask: .first)
            .send("سلام", to: "09121112222", key: "order-1")
        XCTAssertEqual(first.map(\.outcome), [.accepted])
        XCTAssertEqual(emulator.messageCount, 1)
    }

    func testAWrongKeyOfTheAccountIsSaidAtOnce() async throws {
        let emulator = try Emulator(speed: 0)
        let start = Date()
        let report = try await Messenger([gateway(emulator, apiKey: "wrong")])
            .send("سلام", to: "09121112222", key: "order-1")
        XCTAssertEqual(report[0].error?.kind, .authentication)
        XCTAssertLessThan(Date().timeIntervalSince(start), 30, "half of the budget")
        XCTAssertEqual(emulator.messageCount, 0)
    }

    func testASecretChangesWhatAKeyNames() async throws {
        let emulator = try Emulator(speed: 0)
        let client = try gateway(emulator)
        let messenger = try Messenger([client], keySecret: "متن محرمانه")
        let keyed = try await messenger.send("سلام", to: "09121112222", key: "order-1")
        XCTAssertEqual(keyed[0].traceID, try traceIDFromKey("order-1", to: "09121112222", secret: "متن محرمانه"))
        XCTAssertNotEqual(keyed[0].traceID, try traceIDFromKey("order-1", to: "09121112222"))
        let error = await refused(.configuration) { _ = try Messenger([client], keySecret: "") }
        XCTAssertEqual(error?.field, "key_secret")
        var dumped = ""
        dump(messenger, to: &dumped)
        XCTAssertFalse(dumped.contains("محرمانه"))
    }

    func testWhatIsWrongInAKeyIsNamed() async {
        let wrong: [(String, () throws -> Int64)] = [
            ("key", { try traceIDFromKey("", to: "09121112222") }),
            ("to", { try traceIDFromKey("order-1", to: "0912") }),
            ("kind", { try traceIDFromKey("order-1", to: "09121112222", kind: KeyKind(rawValue: "both")) }),
            ("secret", { try traceIDFromKey("order-1", to: "09121112222", secret: "") }),
        ]
        for (field, call) in wrong {
            let error = await refused(.invalidInput) { _ = try call() }
            XCTAssertEqual(error?.field, field)
            XCTAssertEqual(error?.operation, "trace_id_from_key")
        }
    }

    func testWithoutResendingALostMessageStaysUnclear() async throws {
        let emulator = try Emulator(speed: 0)
        try emulator.addFault(Fault(.close))
        let report = try await Messenger([gateway(emulator)], settle: 0.001, resend: false).send("سلام", to: "09121112222")
        XCTAssertEqual(report.map(\.outcome), [.unclear])
        XCTAssertEqual(emulator.messageCount, 0)
    }

    func testASendHasALineOfItsOwnAndATemplateHasNone() async throws {
        let emulator = try Emulator(speed: 0)
        let messenger = try Messenger([gateway(emulator)])
        _ = try await messenger.send("سلام", to: "09121112222", sender: "50004041")
        _ = try await messenger.sendEach(
            [Message(to: "09121112222", text: "سلام"), Message(to: "09121112222", text: "سلام", sender: "30004040")],
            sender: "50004041")
        XCTAssertEqual(emulator.messages.map(\.sender).sorted(), ["30004040", "50004041", "50004041"])
        let code = TemplateMessage(to: "09121112222", parameters: ["4711"])
        let template = try await messenger.sendTemplate("verify", to: [code], sender: "50004041")
        XCTAssertEqual(template[0].error?.field, "recipients[0].sender")
        let numbered = TemplateMessage(to: "09121112222", parameters: ["4711"], traceID: 7)
        let error = await refused(.invalidInput) { _ = try await messenger.sendTemplate("verify", to: [code, numbered]) }
        XCTAssertEqual(error?.field, "recipients[1].trace_id")
        XCTAssertEqual(emulator.messageCount, 3)
    }

    func testOnceNeedsSomethingToAskBy() async throws {
        let emulator = try Emulator(speed: 0)
        let messenger = try Messenger([gateway(emulator)])
        let without = try await messenger.send("سلام", to: "09121112222", once: true)
        XCTAssertEqual(without[0].error?.field, "once")
        for run in 0..<2 {
            let report = try await messenger.sendEach(
                [Message(to: "09121112222", text: "سلام", traceID: 77)], once: true)
            XCTAssertEqual(report[0].replayed, run > 0)
        }
        XCTAssertEqual(emulator.messageCount, 1)
    }

    func testSettingsThatDisarmThePromiseAreRefusedByName() async throws {
        let emulator = try Emulator(speed: 0)
        let client = try gateway(emulator)
        let url = emulator.payamResanURL
        func with(_ settings: GatewaySettings) throws { _ = try PayamResan(apiKey: "k", sender: "1", settings: settings) }
        let wrong: [(String, () throws -> Void)] = [
            ("budget", { _ = try Messenger([client], budget: 1, settle: 2) }),
            ("timeout", { try with(.init(baseURL: url, timeout: 0)) }),
            ("connect_timeout", { try with(.init(baseURL: url, connectTimeout: 0)) }),
            ("max_response_bytes", { try with(.init(baseURL: url, maxResponseBytes: 0)) }),
            ("read_attempts", { try with(.init(baseURL: url, readAttempts: 0)) }),
        ]
        for (field, make) in wrong {
            let error = await refused(.configuration) { try make() }
            XCTAssertEqual(error?.field, field)
        }
    }

    func testAnIntervalOfNothingIsRefused() async throws {
        let emulator = try Emulator(speed: 0)
        let messenger = try Messenger([gateway(emulator)])
        for interval: TimeInterval in [0, -1, .nan, .infinity] {
            let error = await refused(.invalidInput) {
                for try await _ in messenger.track([], interval: interval) {}
            }
            XCTAssertEqual(error?.field, "interval")
            XCTAssertEqual(error?.operation, "track")
        }
    }

    func testAnUnclearReceiptFromADatabaseIsAskedForEverywhere() async throws {
        let emulator = try Emulator(speed: 0)
        let second = try nikSms(at: emulator.nikSmsPublicAPIURL)
        let sent = try await Messenger([second]).send("سلام", to: "09121112222", key: "order-1")
        let restored = Receipt(restoringUnclear: "09121112222", traceID: sent[0].traceID)
        XCTAssertNil(restored.gateway)
        let messenger = try Messenger([gateway(emulator), nikSms(at: emulator.nikSmsPublicAPIURL)])
        let found = try await messenger.delivery([restored])
        XCTAssertEqual(found[0].gateway, "niksms")
        XCTAssertEqual(found[0].status?.state, .queued)
        try emulator.advance(600)
        var last: DeliveryReport?
        for try await report in messenger.track([restored], firstLook: 0.001, interval: 0.001) { last = report }
        XCTAssertEqual(last?.isFinal, true)
    }

    func testASendLogIsForOneSend() async throws {
        let emulator = try Emulator(speed: 0)
        let messenger = try Messenger([gateway(emulator)])
        let log = SendLog()
        // What cannot begin has nothing to show, and uses the log up.
        let first = await refused(.invalidInput) {
            _ = try await messenger.send("سلام", to: "09121112222", deadline: -1, log: log)
        }
        XCTAssertEqual(first?.field, "deadline")
        XCTAssertEqual(log.progress?.planned, 0)
        XCTAssertEqual(log.receipts, [])
        _ = await refused(.configuration) { _ = try await messenger.send("سلام", to: "09121112222", log: log) }
        XCTAssertEqual(emulator.requestCount, 0)
    }

    func testTheEmulatorRefusesWordsAndNumbers() async throws {
        let emulator = try Emulator(speed: 0)
        emulator.refuseText("وام")
        try emulator.refuseNumber("+98 912 111 3333")
        XCTAssertThrowsError(try emulator.refuseNumber("0912"))
        let report = try await Messenger([gateway(emulator)]).sendEach([
            Message(to: "09121112222", text: "وام فوری"), Message(to: "09121113333", text: "سلام"),
            Message(to: "09121114444", text: "سلام"),
        ])
        XCTAssertEqual(report.map(\.outcome), [.rejected, .rejected, .accepted])
    }

    func testTheEmulatorsBooksAreBehindAndItsRuleHoldsForUnknownIDs() async throws {
        let slow = try Emulator(speed: 0, pollingRule: 180, pollingRuleForUnknownIDs: true, lookupLag: 600)
        let client = try gateway(slow)
        _ = try await client.sendBulk("سلام", to: [Destination("09121112222", traceID: 7)])
        let before = try await client.statusByTraceId([7])
        XCTAssertEqual(before[0].status.state, .notFound)
        _ = await refused(.rateLimit) { _ = try await client.statusByTraceId([7]) }
        try slow.advance(600)
        let after = try await client.statusByTraceId([7])
        XCTAssertEqual(after[0].status.state, .delivered)
    }
}
