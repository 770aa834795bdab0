import Foundation
import Payamak
import PayamakTesting

/// The account that the environment names, or the emulator's where it names none: nobody needs an account to try.
public struct Account {
    public let gateway: Gateway
    /// Runs as long as it is kept.
    private let emulator: Emulator?

    public var isEmulated: Bool { emulator != nil }

    public init(patience: TimeInterval = 15) throws {
        let environment = ProcessInfo.processInfo.environment
        let settings = GatewaySettings(timeout: patience, fromEnvironment: true)
        if environment["PAYAM_RESAN_API_KEY"] != nil {
            gateway = try PayamResan(settings: settings)
            emulator = nil
        } else if environment["NIKSMS_USERNAME"] != nil {
            gateway = try NikSms(settings: settings)
            emulator = nil
        } else {
            print("No account in the environment: sending to the emulator.")
            // A minute a second, so that delivery can be watched.
            let emulator = try Emulator(speed: 60)
            gateway = try PayamResan(
                apiKey: Emulator.payamResanKey, sender: "30004040",
                settings: GatewaySettings(baseURL: emulator.payamResanURL, timeout: patience))
            self.emulator = emulator
        }
    }
}
