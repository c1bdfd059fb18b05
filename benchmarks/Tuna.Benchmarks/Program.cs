using System.CommandLine;
using System.Globalization;
using BenchmarkDotNet.Running;
using Tuna.Benchmarks.HotPaths;
using Tuna.Benchmarks.Steps;
using Tuna.Benchmarks.Support;

// Whole-program measurements are commands that print one JSON line each; everything else goes to BenchmarkDotNet.
CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;

Command[] commands =
[
    StepCommand.Create(), GenerateCommand.Create(), LlamaCppCommand.Create(), SgemmCommand.Create(), GrowCommand.Create(),
        PlotCommand.Create(),
    RougeCommand.Create(), JsonlCommand.Create(), CheckpointCommand.Create(), ColdStartCommand.Create(),
];

if (args.Length > 0 && (args[0] is "--help" or "-h" || commands.Any(c => c.Name == args[0])))
{
    var root = new RootCommand(
        "Tuna's measurements. Without one of these commands the arguments go to BenchmarkDotNet, for instance: --filter '*Gemm*'");
    foreach (Command command in commands)
        root.Subcommands.Add(command);
    try
    {
        return root.Parse(args).Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
    }
    catch (Exception e) when (e is ArgumentException or FormatException or InvalidDataException or InvalidOperationException or IOException)
    {
        Console.Error.WriteLine($"error: {e.Message}");
        return 2;
    }
}

return BenchmarkSwitcher.FromAssembly(typeof(BenchmarkSettings).Assembly).Run(args, new BenchmarkSettings()).Any() ? 0 : 1;
