using System.Globalization;
using Tuna.Chat.Tests.Journaling;

// The tests are run by dotnet test. This entry point is for the process that the kill tests kill.
switch (args)
{
    case ["write-journal", var path, var first]:
        await JournalWriter.WriteAsync(path, int.Parse(first, CultureInfo.InvariantCulture));
        return 0;
    default:
        Console.Error.WriteLine("This assembly holds tests; run them with dotnet test.");
        return 2;
}
