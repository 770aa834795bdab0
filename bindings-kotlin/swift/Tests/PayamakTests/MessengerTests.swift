import Foundation
import Payamak
import PayamakTesting
import XCTest

final class MessengerTests: XCTestCase {
    private func numbers(_ count: Int) -> [String] { (0..<count).map { String(format: "0912111%04d", $0) } }

    private func gateway(_ emulator: Emulator, timeout: TimeInterval? = nil) throws -> PayamResan {
        try PayamResan(
            apiKey: Emulator.payamResanKey, sender: "30004040",
            settings: .init(baseURL: emulator.payamResanURL, timeout: timeout))
    }

    private func nikSms(_ emulator: Emulator) throws -> NikSms {
        try NikSms(
            username: Emulator.nikSmsUsername, password: Emulator.nikSmsPassword, sender: "50001234",
            settings: .init(baseURL: emulator.nikSmsPublicAPIURL))
    }

    func testOneTextToOneAndToMany() async throws {
        let emulator = try Emulator(speed: 0)
        let messenger = try Messenger([gateway(emulator)])
        let one = try await messenger.send("سلام", to: "۰۹۱۲ ۱۱۱ ۲۲۲۲")
        XCTAssertEqual(one.map(\.to), ["09121112222"])
        XCTAssertEqual(one[0].outcome, .accepted)
        let many = try await messenger.send("سلام", to: numbers(120) + ["0912"])
        XCTAssertEqual(many.accepted.count, 120)
        XCTAssertEqual(many.rejected.map { $0.error?.field }, ["to[120]"])
        XCTAssertEqual("\(many)", "Report(accepted: 120, rejected: 1, unclear: 0)")
        XCTAssertEqual(emulator.messageCount, 121)
    }

    func testAKeySendsOnce() async throws {
        let emulator = try Emulator(speed: 0)
        let messenger = try Messenger([gateway(emulator)])
        let first = try await messenger.send("سلام", to: "09121112222", key: "order-981:paid")
        let second = try await messenger.send("سلام", to: "09121112222", key: "order-981:paid")
        XCTAssertEqual(first[0].traceID, try traceIDFromKey("order-981:paid", to: "+98 912 111 2222"))
        XCTAssertEqual(first[0].messageID, second[0].messageID)
        XCTAssertEqual([first[0].replayed, second[0].replayed], [false, true])
        _ = try await messenger.send("سلام", to: numbers(3), key: "campaign-7")
        let grown = try await messenger.send("سلام", to: numbers(5), key: "campaign-7")
        XCTAssertEqual(grown[0].traceID, try traceIDFromKey("campaign-7", to: "09121110000", kind: .listMember))
        XCTAssertEqual(grown.map(\.replayed), [true, true, true, false, false])
        XCTAssertEqual(emulator.messageCount, 6)
    }

    func testPersonalTextsAndTemplates() async throws {
        let emulator = try Emulator(speed: 0)
        let messenger = try Messenger([gateway(emulator)])
        let report = try await messenger.sendEach([
            Message(to: "09121112222", text: "سارا، سفارش شما ارسال شد", key: "order-1"),
            Message(to: "09121113333", text: "علی، سفارش شما ارسال شد", traceID: 77, sender: "50004041"),
            Message(to: "09121114444", template: "verify", parameters: ["12345"]),
        ])
        XCTAssertEqual(report.accepted.count, 3)
        XCTAssertEqual(emulator.messages.first { $0.traceID == 77 }?.sender, "50004041")
        let codes = try await messenger.sendTemplate(
            "verify", to: [TemplateMessage(to: "09121115555", parameters: ["4711"])])
        XCTAssertEqual(emulator.messages.first { $0.traceID == codes[0].traceID }?.text, "کد ورود شما: 4711")
    }

    func testTrackingEndsWhenAllIsFinal() async throws {
        let emulator = try Emulator(speed: 0)
        let messenger = try Messenger([gateway(emulator)])
        let report = try await messenger.send("سلام", to: ["09121112222", "09121112200", "0912"])
        let now = try await messenger.delivery(Array(report))
        XCTAssertEqual(now[0].status?.state, .queued)
        XCTAssertEqual(now[2].error, report[2].error)
        try emulator.advance(3600)
        var states: [Int: DeliveryState?] = [:]
        for try await seen in messenger.track(Array(report), firstLook: 0.001, interval: 0.001) {
            states[seen.index] = seen.status?.state
        }
        XCTAssertEqual(states[0], .delivered)
        XCTAssertEqual(states[1], .failed)
        let restored = Receipt(
            restoring: "09121112222", gateway: "payam-resan", traceID: report[0].traceID,
            messageID: report[0].messageID)
        let again = try await messenger.delivery([restored])
        XCTAssertEqual(again[0].status?.state, .delivered)
    }

    func testAWrongIntervalIsTheStreamsError() async throws {
        let emulator = try Emulator(speed: 0)
        let messenger = try Messenger([gateway(emulator)])
        do {
            for try await _ in messenger.track([], interval: -1) {}
            XCTFail("a negative interval")
        } catch let error as PayamakError {
            XCTAssertEqual(error.field, "interval")
        }
    }

    func testACancelledTaskEndsItsStream() async throws {
        let emulator = try Emulator(speed: 0)
        let messenger = try Messenger([gateway(emulator)])
        let report = try await messenger.send("سلام", to: "09121112222")
        let task = Task {
            var seen = 0
            for try await _ in messenger.track(Array(report), firstLook: 3600) { seen += 1 }
            return seen
        }
        task.cancel()
        let seen = try await task.value
        XCTAssertEqual(seen, 0)
    }

    func testIncomingMessagesComeOnceAndFailuresDoNotEndTheStream() async throws {
        let emulator = try Emulator(speed: 0)
        let messenger = try Messenger([gateway(emulator), nikSms(emulator)])
        try emulator.addFault(Fault(.status(503), operations: "GetInbox"))
        try emulator.receive(from: "09121112222", to: "30004040", text: "لغو")
        try emulator.receive(from: "09121113333", to: "50001234", text: "۱۱")
        var texts: [String: String] = [:]
        var failures: [PayamakError.Kind] = []
        for try await item in messenger.receive(every: 0.001) {
            switch item {
            case let .success(received): texts[received.gateway] = received.message.text
            case let .failure(error): failures.append(error.kind)
            }
            if texts.count + failures.count == 3 { break }
        }
        XCTAssertEqual(texts, ["payam-resan": "لغو", "niksms": "۱۱"])
        XCTAssertEqual(failures, [.unavailable])
    }

    func testBalanceAndFailOver() async throws {
        let emulator = try Emulator(speed: 0)
        let wrong = try PayamResan(
            apiKey: "wrong", sender: "30004040", settings: .init(name: "second", baseURL: emulator.payamResanURL))
        let balances = try await Messenger([gateway(emulator), wrong, nikSms(emulator)]).balance()
        XCTAssertEqual(try balances[0].get().senderLines, ["30004040", "50004041"])
        XCTAssertThrowsError(try balances[1].get()) { XCTAssertEqual(($0 as? PayamakError)?.kind, .authentication) }
        XCTAssertEqual(try balances[2].get().gateway, "niksms")
        try emulator.addFault(Fault(.code(19), operations: "SendBulk"))
        let report = try await Messenger([gateway(emulator), nikSms(emulator)]).send("سلام", to: numbers(3))
        XCTAssertEqual(report.accepted.compactMap(\.gateway), ["niksms", "niksms", "niksms"])
    }

    func testCancellingStopsTheWorkInRustAndSaysWhatWasInFlight() async throws {
        let emulator = try Emulator(speed: 0)
        try emulator.addFault(Fault(.never, skip: 1, times: nil, when: .after))
        let messenger = try Messenger([gateway(emulator)], concurrency: 1)
        let log = SendLog()
        let stuck = expectation(description: "the second request is under way")
        stuck.assertForOverFulfill = false
        let recipients = numbers(300)
        let task = Task {
            try await messenger.send("سلام", to: recipients, log: log) { progress in
                if progress.accepted > 0, progress.inFlight > 0 { stuck.fulfill() }
            }
        }
        await fulfillment(of: [stuck], timeout: 60)
        task.cancel()
        do {
            _ = try await task.value
            XCTFail("it was cancelled")
        } catch let error as PayamakError {
            XCTAssertEqual(error.kind, .canceled)
            let counts = Dictionary(grouping: error.receipts, by: \.outcome).mapValues(\.count)
            XCTAssertEqual(counts, [.accepted: 99, .unclear: 99, .rejected: 102])
            let registered = Set(emulator.messages.compactMap(\.traceID))
            XCTAssertTrue(error.receipts.filter { $0.outcome == .rejected }.allSatisfy { !registered.contains($0.traceID) })
            XCTAssertEqual(log.receipts, error.receipts)
        }
        emulator.clear()
        let after = try await messenger.send("سلام", to: numbers(3))
        XCTAssertEqual(after.accepted.count, 3)
    }

    func testACancelledGatewayCallCutsItsRequestOff() async throws {
        let emulator = try Emulator(speed: 0)
        try emulator.addFault(Fault(.never, operations: "any", times: nil))
        let gateway = try gateway(emulator, timeout: 600)
        let task = Task { try await gateway.accountInfo() }
        // The emulator counts a request once it has arrived whole.
        while emulator.requestCount == 0 { await Task.yield() }
        task.cancel()
        do {
            _ = try await task.value
            XCTFail("it was cancelled")
        } catch is CancellationError {
            emulator.clear()
        }
        let info = try await gateway.accountInfo()
        XCTAssertEqual(info.senderLines.count, 2)
    }

    func testADeadlineEndsACall() async throws {
        let emulator = try Emulator(speed: 0)
        try emulator.addFault(Fault(.never, operations: "any", times: nil))
        do {
            _ = try await gateway(emulator).withTimeout(0.02).getInbox()
            XCTFail("there was no answer")
        } catch let error as PayamakError {
            XCTAssertEqual(error.kind, .timeout)
            XCTAssertEqual(error.outcome, .unclear)
        }
    }

    func testAThousandTasksShareOneClient() async throws {
        let emulator = try Emulator(speed: 0)
        let messenger = try Messenger([gateway(emulator)])
        let ids = try await withThrowingTaskGroup(of: Int64.self) { group in
            for index in 0..<1000 {
                group.addTask { try await messenger.send("سلام \(index)", to: "09121112222")[0].traceID }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        XCTAssertEqual(Set(ids).count, 1000)
        XCTAssertTrue(ids.allSatisfy { emulator.registrations($0) == 1 })
    }

    func testNoFaultSendsTwiceOrLosesAMessage() async throws {
        let ends: [Fault.Then] = [
            .never, .close, .half, .garbage, .html, .status(503), .statusJSON(429), .code(100), .dropRows, .noRows, .roundIDs,
            .extraRow,
        ]
        var trials: [Trial] = []
        for then in ends {
            for when in [Fault.When.before, .after] {
                for position in 0..<4 { trials.append(Trial(Fault(then, skip: position, when: when))) }
            }
        }
        let count = try await tortured(trials)
        XCTAssertEqual(count, Count(messages: 300 * trials.count))
    }

    func testWhatLandsLaterIsFoundAndNotSentAgain() async throws {
        var trials: [Trial] = []
        for then in [Fault.Then.never, .close, .html, .statusJSON(404)] {
            for position in 0..<2 {
                // The emulator's time is ours here: the request lands long before "I do not have it" is believed.
                var trial = Trial(Fault(then, skip: position, when: .later(milliseconds: 300)))
                trial.speed = 1
                trial.settle = 4
                trials.append(trial)
            }
        }
        let count = try await tortured(trials)
        XCTAssertEqual(count, Count(messages: 300 * trials.count))
    }

    func testARefusalThatTookHalfOfABatchSendsNothingThroughBothGateways() async throws {
        var trials: [Trial] = []
        // No credit, and the limits of the day and of the line.
        for code in [19, 15, 18] {
            for position in 0..<4 {
                var trial = Trial(Fault(.halfTaken(code), operations: "SendBulk", skip: position, times: nil))
                trial.hasSecond = true
                trials.append(trial)
            }
        }
        let count = try await tortured(trials)
        XCTAssertEqual(count, Count(messages: 300 * trials.count))
    }

    private struct Count: Equatable {
        var messages = 0
        var twice = 0
        var lost = 0
    }

    private struct Trial {
        let fault: Fault
        var speed = 0.0
        var settle = 0.001
        /// A second gateway, for what the first one refuses for ever.
        var hasSecond = false

        init(_ fault: Fault) { self.fault = fault }
    }

    /// Most of it is waiting, so eight are tried at once, each with an emulator of its own.
    private func tortured(_ trials: [Trial]) async throws -> Count {
        var all = Count()
        for start in stride(from: 0, to: trials.count, by: 8) {
            try await withThrowingTaskGroup(of: Count.self) { group in
                for trial in trials[start..<min(start + 8, trials.count)] {
                    group.addTask { try await Self.tortured(trial) }
                }
                for try await count in group {
                    all.messages += count.messages
                    all.twice += count.twice
                    all.lost += count.lost
                }
            }
        }
        print("torture: \(all)")
        return all
    }

    /// 300 messages in four requests, some of which meet with a fault.
    private static func tortured(_ trial: Trial) async throws -> Count {
        let emulator = try Emulator(speed: trial.speed)
        try emulator.addFault(trial.fault)
        // Where the answer never comes, this is how long its request waits for it.
        let timeout: TimeInterval = trial.fault.then == .never ? 2 : 60
        var gateways: [Gateway] = [
            try PayamResan(
                apiKey: Emulator.payamResanKey, sender: "30004040",
                settings: .init(baseURL: emulator.payamResanURL, timeout: timeout))
        ]
        if trial.hasSecond {
            gateways.append(
                try NikSms(
                    username: Emulator.nikSmsUsername, password: Emulator.nikSmsPassword, sender: "50001234",
                    settings: .init(baseURL: emulator.nikSmsPublicAPIURL)))
        }
        let recipients = (0..<300).map { String(format: "0912111%04d", $0) }
        let report = try await Messenger(gateways, concurrency: 2, settle: trial.settle).send("سلام", to: recipients)
        if !trial.hasSecond { XCTAssertEqual(emulator.pendingFaultCount, 0, "the fault has not happened") }
        var count = Count(messages: report.count)
        for receipt in report {
            let registered = emulator.registrations(receipt.traceID)
            if registered > 1 { count.twice += 1 }
            switch receipt.outcome {
            case .accepted: count.lost += registered == 1 ? 0 : 1
            case .rejected: count.lost += registered == 0 ? 0 : 1
            case .unclear: count.lost += 1
            }
        }
        return count
    }

    func testWrongSettingsAreNamed() throws {
        XCTAssertThrowsError(try PayamResan()) { error in
            let error = error as? PayamakError
            XCTAssertEqual(error?.kind, .configuration)
            XCTAssertEqual(error?.field, "api_key")
            XCTAssertNil(error?.operation)
            XCTAssertEqual(error?.localizedDescription, error?.description)
        }
        XCTAssertThrowsError(try PayamResan(apiKey: "k", settings: .init(timeout: -1))) {
            XCTAssertEqual(($0 as? PayamakError)?.field, "timeout")
        }
        XCTAssertThrowsError(try Messenger([])) { XCTAssertEqual(($0 as? PayamakError)?.field, "gateways") }
    }

    func testNothingPrivateIsPrinted() async throws {
        let emulator = try Emulator(speed: 0)
        let report = try await Messenger([gateway(emulator)]).send("متن خصوصی", to: "09121112222")
        let values: [Any] = [
            try gateway(emulator), try nikSms(emulator), Message(to: "09121112222", text: "متن خصوصی", key: "k"),
            Destination("09121112222", traceID: 7), PersonalMessage(to: "09121112222", text: "متن خصوصی"),
            TemplateMessage(to: "09121112222", parameters: ["متن خصوصی"]), try Msisdn("09121112222"), report,
            report[0], emulator.messages[0],
        ]
        for value in values {
            var dumped = ""
            if !(value is RegisteredMessage) { dump(value, to: &dumped) }
            for shown in ["\(value)", String(reflecting: value), dumped] {
                for secret in ["9121112222", "متن خصوصی", Emulator.payamResanKey, Emulator.nikSmsPassword] {
                    XCTAssertFalse(shown.contains(secret), "\(type(of: value)) shows \(secret)")
                }
            }
        }
    }

    func testUnknownCodesAreKept() async throws {
        let emulator = try Emulator(speed: 0)
        try emulator.addFault(Fault(.code(471)))
        do {
            _ = try await gateway(emulator).sendBulk("سلام", to: [Destination("09121112222", traceID: 7)])
            XCTFail("an error")
        } catch let error as PayamakError {
            XCTAssertEqual(error.code, .unknown(code: 471, wireName: nil))
            XCTAssertEqual(error.code?.name, "unknown")
            XCTAssertEqual(error.retry, .checkFirst)
        }
    }

    func testRawReachesWhatHasNoMethod() async throws {
        let emulator = try Emulator(speed: 0)
        let account = try await gateway(emulator).raw("AccountInfo")
        XCTAssertTrue(account.contains("30004040"))
        let lines = try await nikSms(emulator).raw("GetSenderNumbers")
        XCTAssertTrue(lines.contains("50001234"))
    }

    func testRawStaysBelowTheBaseAddressAndSetsNothingThatTheClientSets() async throws {
        let emulator = try Emulator(speed: 0)
        let first = try gateway(emulator)
        let second = try nikSms(emulator)
        let refused: [(String, () async throws -> String)] = [
            ("path", { try await first.raw("../AccountInfo") }),
            ("path", { try await first.raw("") }),
            ("path", { try await second.raw("Get//Credit") }),
            ("path", { try await second.raw("GetCredit?username=other") }),
            ("fields.ApiKey", { try await first.raw("AccountInfo", fields: "{\"ApiKey\":\"other\"}") }),
            ("fields.apikey", { try await first.raw("AccountInfo", fields: "{\"apikey\":\"other\"}") }),
            ("fields.username", { try await second.raw("GetCredit", fields: [("username", "other")]) }),
            ("fields.Password", { try await second.raw("GetCredit", fields: [("Password", "other")]) }),
        ]
        for (field, call) in refused {
            do {
                _ = try await call()
                XCTFail(field)
            } catch let error as PayamakError {
                XCTAssertEqual(error.kind, .invalidInput)
                XCTAssertEqual(error.field, field)
                XCTAssertEqual(error.outcome, .notSent)
            }
        }
        XCTAssertEqual(emulator.requestCount, 0)
    }

    func testWhatXMLCannotCarryIsNoCredential() throws {
        let emulator = try Emulator(speed: 0)
        let wrong = [
            ("username", "us\u{1}er", "password", "50001234"), ("password", "user", "pass\0word", "50001234"),
            ("sender", "user", "password", "5000\u{1b}1234"),
        ]
        for (setting, username, password, sender) in wrong {
            let client = {
                try NikSms(
                    username: username, password: password, sender: sender, own: .init(dialect: .soap),
                    settings: .init(baseURL: emulator.nikSmsSoapURL))
            }
            XCTAssertThrowsError(try client()) { error in
                XCTAssertEqual((error as? PayamakError)?.kind, .configuration)
                XCTAssertEqual((error as? PayamakError)?.field, setting)
            }
        }
    }
}
