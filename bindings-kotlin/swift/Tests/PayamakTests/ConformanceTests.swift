import Foundation
import Payamak
import PayamakTesting
import XCTest

/// Runs every case of `core/conformance/cases` through the Swift surface; what a runner checks stands in its README.
final class ConformanceTests: XCTestCase {
    func testEveryCaseHolds() async throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../../../core/conformance/cases").standardizedFileURL
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "json" }.sorted { $0.path < $1.path }
        XCTAssertFalse(files.isEmpty)
        let echoes = try Echoes(folder.deletingLastPathComponent().appendingPathComponent("echoes.json"))
        let emulator = try Emulator(replay: folder.path)
        XCTAssertEqual(emulator.replayCases.count, files.count, "the emulator replays other cases")
        var ran = 0
        for file in files {
            let runner = try Runner(file, emulator, echoes)
            for fault in try await runner.run() {
                XCTFail("\(runner.name): \(fault)")
            }
            ran += 1
        }
        XCTAssertEqual(ran, files.count, "a case was skipped")
        print("conformance: \(ran) of \(files.count) cases ran through Swift")
    }
}

/// The runner does not know what a case asks for: never a reason to skip it.
private struct UnknownToRunner: Error {
    let what: String
}

/// What `echoes.json` says of what a gateway repeats of a request.
private struct Echoes {
    /// What each of them is.
    let abouts: [String]
    private let secrets: [String]
    private let texts: [String]
    private let acts: [String]

    init(_ file: URL) throws {
        let json = try JSONDecoder().decode(JSON.self, from: Data(contentsOf: file))
        abouts = try json["echoes"].items().map { try $0["about"].text() }
        secrets = try json["secrets"].texts()
        texts = try json["texts"].texts()
        acts = try json["acts"].texts()
    }

    /// What an error shows, or keeps, of what it must not.
    func check(_ error: PayamakError, shown: [String], carriedText: Bool, _ faults: inout [String]) {
        func look(_ place: String, _ text: String, _ secrets: [String]) {
            for secret in secrets where holds(text, secret) { faults.append("\(place) shows \(secret): \(text)") }
        }
        for text in shown { look("the error", text, secrets + texts) }
        look("the message", error.description, acts)
        for kept in [error.gatewayText, error.bodyExcerpt].compactMap({ $0 }) {
            look("what is kept", kept, secrets + acts)
            if carriedText { look("what is kept", kept, texts) }
        }
    }
}

/// Whether a text has these very bytes in it: what Swift takes for one character may begin with another's.
private func holds(_ text: String, _ part: String) -> Bool {
    Data(text.utf8).range(of: Data(part.utf8)) != nil
}

private struct Runner {
    let name: String
    private let json: JSON
    private let emulator: Emulator
    private let echoed: Echoes?

    init(_ file: URL, _ emulator: Emulator, _ echoes: Echoes) throws {
        name = file.deletingPathExtension().lastPathComponent
        json = try JSONDecoder().decode(JSON.self, from: Data(contentsOf: file))
        self.emulator = emulator
        echoed = json["echoes"] == .bool(true) ? echoes : nil
    }

    private var arguments: JSON { json["call"]["arguments"] }

    func run() async throws -> [String] {
        var faults: [String] = []
        for (index, outcome) in try await outcomes().enumerated() {
            var own: [String] = []
            compare(outcome, &own)
            faults += echoed.map { echoes in own.map { "\(echoes.abouts[index]): \($0)" } } ?? own
        }
        let verdict = emulator.replayVerdict(name)
        if !verdict.complete { faults.append("the exchange is not complete: a request is missing") }
        return faults + verdict.mismatches
    }

    /// What came of the call: once, or once for each echo that the gateway answers with.
    private func outcomes() async throws -> [Result<JSON, PayamakError>] {
        let gateway: Gateway?
        do {
            gateway = try self.gateway()
        } catch let error as PayamakError {
            return [.failure(error)]
        }
        var outcomes: [Result<JSON, PayamakError>] = []
        for _ in 0..<(echoed?.abouts.count ?? 1) {
            do {
                outcomes.append(.success(try await invoke(gateway)))
            } catch let error as PayamakError {
                outcomes.append(.failure(error))
            }
        }
        return outcomes
    }

    private func gateway() throws -> Gateway? {
        switch json["gateway"].optionalText() {
        case nil: return nil
        case "payam-resan"?: return try client() as PayamResan
        case "niksms"?: return try client() as NikSms
        case let other?: throw UnknownToRunner(what: "the gateway \(other)")
        }
    }

    private func invoke(_ gateway: Gateway?) async throws -> JSON {
        let operation = try json["call"]["operation"].text()
        switch gateway {
        case let client as PayamResan: return try await payamResan(client, operation)
        case let client as NikSms: return try await nikSms(client, operation)
        default: return try function(operation)
        }
    }

    private func compare(_ outcome: Result<JSON, PayamakError>, _ faults: inout [String]) {
        let expected = json["expect"]
        switch outcome {
        case let .success(result) where expected["result"] == .missing:
            faults.append("expected an error, but got \(result)")
        case let .success(result):
            expected["result"].compare(with: result, at: "result", &faults)
        case let .failure(error) where expected["error"] == .missing:
            faults.append("expected a result, but got \(error)")
        case let .failure(error):
            check(error, expected["error"], &faults)
        }
    }

    private func setting(_ name: String, _ default: JSON = .null) -> JSON {
        let own = json["settings"][name]
        return own == .missing ? `default` : own
    }

    private func settings() throws -> GatewaySettings {
        let known: Set = [
            "api_key", "username", "password", "sender", "base_url", "dialect", "v2_delivery_path", "max_recipients",
            "max_response_bytes", "read_attempts", "timeout", "allow_insecure",
        ]
        guard known.isSuperset(of: json["settings"].keys) else {
            throw UnknownToRunner(what: "a setting of \(json["settings"].keys)")
        }
        return GatewaySettings(
            baseURL: setting("base_url", .string(emulator.replayURL(name))).optionalText(),
            timeout: setting("timeout").optionalNumber(),
            maxResponseBytes: setting("max_response_bytes").optionalNumber().map { UInt64($0) },
            readAttempts: setting("read_attempts", .number(1)).optionalNumber().map { UInt32($0) },
            allowInsecure: setting("allow_insecure") == .bool(true))
    }

    private func client() throws -> PayamResan {
        try PayamResan(
            apiKey: setting("api_key", .string("conformance-key")).optionalText(),
            sender: setting("sender", .string("30004040")).optionalText(),
            settings: settings())
    }

    private func client() throws -> NikSms {
        let dialect = try setting("dialect").optionalText().map { name -> Dialect in
            guard let dialect = Dialect(rawValue: name) else { throw UnknownToRunner(what: "the dialect \(name)") }
            return dialect
        }
        return try NikSms(
            username: setting("username", .string("conformance-user")).optionalText(),
            password: setting("password", .string("conformance-password")).optionalText(),
            apiKey: setting("api_key", .string("conformance-key")).optionalText(),
            sender: setting("sender", .string("50001234")).optionalText(),
            own: NikSmsSettings(
                dialect: dialect, v2DeliveryPath: setting("v2_delivery_path").optionalText(),
                maxRecipients: setting("max_recipients").optionalNumber().map { UInt64($0) }),
            settings: settings())
    }

    private func only(_ names: String...) throws {
        let unknown = Set(arguments.keys).subtracting(names)
        guard unknown.isEmpty else { throw UnknownToRunner(what: "the arguments \(unknown)") }
    }

    private func function(_ operation: String) throws -> JSON {
        switch operation {
        case "msisdn":
            try only("number")
            let number = try Msisdn(arguments["number"].text())
            return ["national": .string(number.national), "international": .string(number.international)]
        case "segments":
            try only("text", "profile")
            let profile = try arguments["profile"].optionalText().map { name -> SegmentProfile in
                guard let profile = SegmentProfile(rawValue: name) else { throw UnknownToRunner(what: "the profile \(name)") }
                return profile
            }
            let counted = try segments(arguments["text"].text(), profile: profile ?? .gsm)
            return [
                "encoding": .string(counted.encoding.rawValue),
                "units": .number(Double(counted.units)),
                "segments": .number(Double(counted.segments)),
                "units_left": .number(Double(counted.unitsLeft)),
                "forced_ucs2": .array(counted.forcedUCS2.map(JSON.string)),
            ]
        case "trace_id_from_key":
            try only("key", "to", "kind", "secret")
            let kind = arguments["kind"].optionalText().map(KeyKind.init(rawValue:)) ?? .single
            return .id(
                try traceIDFromKey(
                    arguments["key"].text(), to: arguments["to"].text(), kind: kind,
                    secret: arguments["secret"].optionalText()))
        default:
            throw UnknownToRunner(what: operation)
        }
    }

    private func payamResan(_ gateway: PayamResan, _ operation: String) async throws -> JSON {
        let arguments = arguments
        switch operation {
        case "send":
            try only("text", "recipients", "sender")
            return .array(
                try await gateway.send(
                    arguments["text"].text(), to: arguments["recipients"].texts(),
                    sender: arguments["sender"].optionalText()
                ).map(sent))
        case "send_bulk":
            try only("text", "recipients", "sender")
            return .array(
                try await gateway.sendBulk(
                    arguments["text"].text(), to: arguments.destinations(), sender: arguments["sender"].optionalText()
                ).map(sent))
        case "send_multiple":
            try only("messages")
            return .array(try await gateway.sendMultiple(arguments.personal()).map(sent))
        case "send_token_single":
            try only("template", "to", "parameters", "verb")
            return .array(
                try await gateway.sendTokenSingle(
                    arguments["template"].text(), to: arguments["to"].text(),
                    parameters: arguments["parameters"].texts(), byGet: arguments["verb"].optionalText() == "GET"
                ).map(templateSent))
        case "send_token_multi":
            try only("template", "recipients")
            let recipients = try arguments["recipients"].items().map {
                TemplateMessage(
                    to: try $0["to"].text(), parameters: try $0["parameters"].texts(),
                    traceID: try $0["trace_id"].optionalID())
            }
            return .array(
                try await gateway.sendTokenMulti(arguments["template"].text(), to: recipients).map(templateSent))
        case "token_list":
            try only()
            return .array(
                try await gateway.tokenList().map {
                    [
                        "key": .string($0.key), "text": .text($0.text), "voice": .text($0.voice),
                        "status": .object(code($0.status)),
                    ]
                })
        case "status_by_id":
            try only("ids")
            return .array(try await gateway.statusById(arguments["ids"].ids()).map(status))
        case "status_by_trace_id":
            try only("trace_ids")
            return .array(try await gateway.statusByTraceId(arguments["trace_ids"].ids()).map(status))
        case "account_info":
            try only()
            let info = try await gateway.accountInfo()
            return ["credit": .number(info.credit), "sender_lines": .array(info.senderLines.map(JSON.string))]
        case "get_inbox":
            try only()
            return .array(try await gateway.getInbox().map { .object(incoming($0)) })
        default:
            throw UnknownToRunner(what: operation)
        }
    }

    private func nikSms(_ gateway: NikSms, _ operation: String) async throws -> JSON {
        let arguments = arguments
        let sender = arguments["sender"].optionalText()
        let sendAt = arguments["send_at"].optionalText().map { TehranTime($0) }
        let sendType = arguments["send_type"].optionalText().flatMap(SendType.init)
        let from = arguments["from"].optionalText().map { TehranTime($0) }
        let until = arguments["until"].optionalText().map { TehranTime($0) }
        switch operation {
        case "group_sms":
            try only("text", "recipients", "sender", "send_at", "send_type")
            return batch(
                try await gateway.groupSms(
                    arguments["text"].text(), to: arguments.destinations(), sender: sender, sendAt: sendAt,
                    sendType: sendType))
        case "ptp_sms":
            try only("messages", "sender", "send_at", "send_type")
            return batch(
                try await gateway.ptpSms(arguments.personal(), sender: sender, sendAt: sendAt, sendType: sendType))
        case "send_one":
            try only("text", "to", "trace_id", "sender", "send_at")
            return batch(
                try await gateway.sendOne(
                    arguments["text"].text(), to: arguments["to"].text(), traceID: arguments["trace_id"].optionalID(),
                    sender: sender, sendAt: sendAt))
        case "send_otp":
            try only("text", "to", "trace_id", "sender")
            return batch(
                try await gateway.sendOtp(
                    arguments["text"].text(), to: arguments["to"].text(), traceID: arguments["trace_id"].optionalID(),
                    sender: sender))
        case "get_sms_delivery":
            try only("ids")
            return .array(
                try await gateway.getSmsDelivery(arguments["ids"].ids()).map {
                    ["message_id": .id($0.messageID), "status": delivery($0.status)]
                })
        case "get_sms_delivery_with_client_id":
            try only("trace_id")
            return status(try await gateway.getSmsDeliveryWithClientId(arguments["trace_id"].id()))
        case "get_credit":
            try only()
            return .number(try await gateway.getCredit())
        case "get_discount_credit":
            try only()
            return .number(try await gateway.getDiscountCredit())
        case "get_panel_expire_date":
            try only()
            return .text(try await gateway.getPanelExpireDate())
        case "get_receive_sms":
            try only("from", "until")
            return .array(
                try await gateway.getReceiveSms(from: from, until: until).map { message in
                    .object(
                        incoming(message).merging(["is_relayed": message.isRelayed.map(JSON.bool) ?? .null]) { $1 })
                })
        case "reset_receive_sms_visited_status":
            try only("from", "until")
            return .bool(try await gateway.resetReceiveSmsVisitedStatus(from: from, until: until))
        case "get_server_time":
            try only()
            return .string(try await gateway.getServerTime())
        case "get_sender_numbers":
            try only()
            return .array(try await gateway.getSenderNumbers().map(JSON.string))
        default:
            throw UnknownToRunner(what: operation)
        }
    }

    private func check(_ error: PayamakError, _ expected: JSON, _ faults: inout [String]) {
        let got: JSON = [
            "type": .string(error.kind.rawValue),
            "gateway": .text(error.gateway),
            "operation": .text(error.operation),
            "code": error.code?.code.map { .number(Double($0)) } ?? .null,
            "name": .text(error.code?.name),
            "wire_name": .text(error.code?.wireName),
            "gateway_text": .text(error.gatewayText),
            "field": .text(error.field),
            "http_status": error.httpStatus.map { .number(Double($0)) } ?? .null,
            "outcome": .string(error.outcome.rawValue),
            "retry": .string(error.retry.rawValue),
        ]
        for key in ["type", "gateway", "operation", "code", "outcome", "retry"] where expected[key] == .missing {
            faults.append("no \(key) is expected")
        }
        for key in expected.keys {
            expected[key].compare(with: got[key], at: "error.\(key)", &faults)
        }
        var dumped = ""
        dump(error, to: &dumped)
        let shown = [
            error.description, "\(error)", error.localizedDescription, String(reflecting: error), dumped,
            error.failureReason ?? "", error.code.map { "\($0)" } ?? "",
        ]
        var secrets = ["conformance-key", "conformance-password"]
        arguments.collectPrivate("", &secrets)
        for secret in secrets where shown.contains(where: { holds($0, secret) }) {
            faults.append("the error shows \(secret)")
        }
        let carriedText = arguments.anyText { holds($0, "کد ورود") }
        echoed?.check(error, shown: shown, carriedText: carriedText, &faults)
        if case .known? = error.code, error.hint?.en.isEmpty != false || error.hint?.fa.isEmpty != false {
            faults.append("a known code without a hint in both languages")
        }
    }
}

private func code(_ code: Code) -> [String: JSON] {
    [
        "code": code.code.map { .number(Double($0)) } ?? .null, "name": .string(code.name),
        "wire_name": .text(code.wireName), "text": .text(code.text),
    ]
}

private func delivery(_ status: DeliveryStatus) -> JSON {
    let delivery: JSON = [
        "state": .string(status.state.rawValue), "reason": .text(status.reason?.rawValue),
        "is_final": .bool(status.isFinal),
    ]
    return .object(code(status.code).merging(["delivery": delivery]) { $1 })
}

private func sent(_ sent: Sent) -> JSON {
    ["message_id": .id(sent.messageID), "trace_id": .id(sent.traceID)]
}

private func templateSent(_ sent: TemplateSent) -> JSON {
    [
        "message_id": .id(sent.messageID), "trace_id": .id(sent.traceID), "sender": .text(sent.sender),
        "text": .text(sent.text),
    ]
}

private func status(_ row: MessageStatus) -> JSON {
    ["message_id": .id(row.messageID), "trace_id": .id(row.traceID), "status": delivery(row.status)]
}

private func incoming(_ message: IncomingMessage) -> [String: JSON] {
    [
        "message_id": .id(message.messageID), "text": .string(message.text), "from": .string(message.from),
        "to": .string(message.to), "time": .text(message.time),
    ]
}

private func batch(_ batch: SendBatch) -> JSON {
    var dumped = ""
    dump(batch, to: &dumped)
    for shown in ["\(batch)", String(reflecting: batch), dumped] {
        XCTAssertFalse(holds(shown, batch.warning ?? "\0"), "a printed batch shows the gateway's words: \(shown)")
    }
    return [
        "status": .object(code(batch.status)), "id": .text(batch.id), "warning": .text(batch.warning),
        "message_ids": .array(batch.messageIDs.map { .id($0) }),
    ]
}

/// JSON, in which a value that is not there is not the same as a null.
private enum JSON: Decodable, Equatable, ExpressibleByDictionaryLiteral {
    case missing, null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSON])
    case object([String: JSON])

    init(dictionaryLiteral elements: (String, JSON)...) {
        self = .object(Dictionary(uniqueKeysWithValues: elements))
    }

    init(from decoder: Decoder) throws {
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            self = .null
        } else if let bool = try? value.decode(Bool.self) {
            self = .bool(bool)
        } else if let number = try? value.decode(Double.self) {
            self = .number(number)
        } else if let string = try? value.decode(String.self) {
            self = .string(string)
        } else if let array = try? value.decode([JSON].self) {
            self = .array(array)
        } else {
            self = .object(try value.decode([String: JSON].self))
        }
    }

    static func text(_ text: String?) -> JSON { text.map(JSON.string) ?? .null }

    static func id(_ id: Int64?) -> JSON { .text(id.map { String($0) }) }

    subscript(key: String) -> JSON {
        guard case let .object(fields) = self else { return .missing }
        return fields[key] ?? .missing
    }

    var keys: [String] {
        guard case let .object(fields) = self else { return [] }
        return fields.keys.sorted()
    }

    func items() throws -> [JSON] {
        guard case let .array(items) = self else { throw UnknownToRunner(what: "\(self) in place of a list") }
        return items
    }

    func optionalText() -> String? {
        guard case let .string(text) = self else { return nil }
        return text
    }

    func text() throws -> String {
        guard let text = optionalText() else { throw UnknownToRunner(what: "\(self) in place of a text") }
        return text
    }

    func texts() throws -> [String] { try items().map { try $0.text() } }

    func optionalNumber() -> Double? {
        guard case let .number(number) = self else { return nil }
        return number
    }

    func optionalID() throws -> Int64? { try optionalText() == nil ? nil : id() }

    func id() throws -> Int64 {
        guard let id = Int64(try text()) else { throw UnknownToRunner(what: "\(self) in place of an id") }
        return id
    }

    func ids() throws -> [Int64] { try items().map { try $0.id() } }

    func destinations() throws -> [Destination] {
        try self["recipients"].items().map { try Destination($0["to"].text(), traceID: $0["trace_id"].optionalID()) }
    }

    func personal() throws -> [PersonalMessage] {
        try self["messages"].items().map {
            try PersonalMessage(
                to: $0["to"].text(), text: $0["text"].text(), traceID: $0["trace_id"].optionalID(),
                sender: $0["sender"].optionalText())
        }
    }

    /// Whether one of the texts in it is such.
    func anyText(_ isSuch: (String) -> Bool) -> Bool {
        switch self {
        case let .object(fields): return fields.values.contains { $0.anyText(isSuch) }
        case let .array(items): return items.contains { $0.anyText(isSuch) }
        case let .string(text): return isSuch(text)
        default: return false
        }
    }

    /// What no error may show. What is too short to be recognised does not count.
    func collectPrivate(_ key: String, _ found: inout [String]) {
        switch self {
        case let .object(fields): for (name, under) in fields { under.collectPrivate(name, &found) }
        case let .array(items): for item in items { item.collectPrivate(key, &found) }
        case let .string(text):
            guard ["to", "recipients", "text", "parameters", "number"].contains(key), text.count >= 4 else { return }
            if let number = try? Msisdn(text) { found.append(String(number.national.dropFirst())) }
            found.append(text)
        default: break
        }
    }

    /// Where two values differ; numbers are equal by value. Texts are equal by their characters' scalars: in Swift, two
    /// texts are equal even if one was normalized on the way.
    func compare(with got: JSON, at place: String, _ faults: inout [String]) {
        switch (self, got) {
        case let (.object(expected), .object(found)):
            for key in Set(expected.keys).union(found.keys).sorted() {
                switch (expected[key], found[key]) {
                case let (wanted?, found?): wanted.compare(with: found, at: "\(place).\(key)", &faults)
                case let (wanted, found):
                    faults.append("\(place).\(key): expected \(String(describing: wanted)), got \(String(describing: found))")
                }
            }
        case let (.array(expected), .array(found)) where expected.count == found.count:
            for (index, (wanted, found)) in zip(expected, found).enumerated() {
                wanted.compare(with: found, at: "\(place)[\(index)]", &faults)
            }
        case let (.string(expected), .string(found)) where expected.unicodeScalars.elementsEqual(found.unicodeScalars):
            break
        case (.string, .string):
            faults.append("\(place): expected \(self), got \(got)")
        default:
            if self != got { faults.append("\(place): expected \(self), got \(got)") }
        }
    }
}
