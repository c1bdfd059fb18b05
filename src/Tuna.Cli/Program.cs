using System.Runtime.InteropServices;
using Tuna.Cli.Hosting;

// Ctrl+C and SIGTERM ask the stage to stop at the next safe point; a second Ctrl+C ends the process at once, which every stage survives
// too.
using var stop = new CancellationTokenSource();
int signals = 0;
int stopCode = ExitCodes.Cancelled;
void OnSignal(PosixSignalContext context)
{
    stopCode = context.Signal == PosixSignal.SIGTERM ? ExitCodes.Terminated : ExitCodes.Cancelled;
    if (Interlocked.Increment(ref signals) > 1)
        Environment.Exit(stopCode);
    context.Cancel = true;
    stop.Cancel();
}

using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);

Console.OutputEncoding = new System.Text.UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
var app = new App(Console.Out, Console.Error, TimeProvider.System, () => stopCode, () => Console.In);
return await app.RunAsync(args, stop.Token);
