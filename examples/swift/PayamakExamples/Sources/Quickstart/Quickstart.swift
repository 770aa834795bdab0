import Account
import Foundation
import Payamak

/// A campaign from a file: every customer hears of their balance, and each message is followed to its end.
///
/// Arguments: the file (columns `name,number,amount`), and what the campaign is called. Run it again under one name: nobody
/// gets the message twice. One run after the other, that is: two at the same moment can both send it.
@main
struct Quickstart {
    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst()
        let file = arguments.first ?? "examples/data/recipients.csv"
        let campaign = arguments.dropFirst().first ?? "balance-2026-11"
        let customers = try String(contentsOfFile: file, encoding: .utf8)
            .split(whereSeparator: \.isNewline).dropFirst()
            .map { $0.split(separator: ",").map(String.init) }

        let account = try Account()
        let messenger = try Messenger([account.gateway])
        // Each message is known by this key and its recipient.
        let report = try await messenger.sendEach(
            customers.map { row in
                Message(to: row[1], text: "\(row[0]) عزیز، ماندهٔ حساب شما \(row[2]) ریال است.")
            }, key: campaign)
        print("\(report.accepted.count) accepted, \(report.rejected.count) rejected, \(report.unclear.count) unclear")
        for (customer, receipt) in zip(customers, report) {
            if let error = receipt.error { print("\(customer[0]): \(receipt.outcome.rawValue) (\(error))") }
        }

        // The emulator's minutes are seconds; a real gateway's own rule (once in three minutes) is the default.
        let interval: TimeInterval? = account.isEmulated ? 0.2 : nil
        var last: [Int: String] = [:]
        for try await delivery in messenger.track(report.accepted, firstLook: interval, interval: interval) {
            last[delivery.index] = delivery.status?.state.rawValue ?? "nothing is known"
        }
        for (state, rows) in Dictionary(grouping: last.values, by: { $0 }).sorted(by: { $0.key < $1.key }) {
            print("\(state): \(rows.count)")
        }
    }
}
