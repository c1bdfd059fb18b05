using Tuna.Rankers.Tests.Batch;

// The tests are run by dotnet test. This entry point is for the throughput figure:
//   dotnet run -c Release --project tests/Tuna.Rankers.Tests -- measure-throughput
if (args is not ["measure-throughput"])
{
    Console.Error.WriteLine("This assembly holds tests; run them with dotnet test. Or: measure-throughput");
    return 2;
}

await ThroughputMeasurement.RunAsync();
return 0;
